import '@mantine/core/styles.css';
import '@xyflow/react/dist/style.css';
import './page.css';
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Redirect, Route, Switch } from 'wouter';
import { isRefusal } from './api.ts';
import { ApplicationView } from './application-view.tsx';
import { ApplicationsView } from './applications-view.tsx';
import { Frame } from './frame.tsx';
import { LiveProvider } from './live.tsx';
import { Empty } from './notices.tsx';
import { PipelineView } from './pipeline-view.tsx';
import { PipelinesView } from './pipelines-view.tsx';
import { PlacesView } from './places-view.tsx';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element #root');

/** Asked again when the server says that something changed, and after a failure; never because time went by. */
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: Number.POSITIVE_INFINITY,
      retry: (failures, error) => failures < 2 && !isRefusal(error),
      retryDelay: (failures) => Math.min(1000 * 2 ** failures, 10_000),
      networkMode: 'always',
    },
  },
});

// The theme is in the style sheets: Mantine would write it into a <style> element, which the page's security policy refuses.
createRoot(root).render(
  <StrictMode>
    <MantineProvider defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={queries}>
        <LiveProvider>
          <Frame>
            <Switch>
              <Route path="/">
                <PipelinesView />
              </Route>
              <Route path="/pipelines">
                <Redirect to="/" replace />
              </Route>
              <Route path="/pipelines/:namespace/:name">{(params) => <PipelineView {...params} />}</Route>
              <Route path="/applications">
                <ApplicationsView />
              </Route>
              <Route path="/applications/:namespace/:name">{(params) => <ApplicationView {...params} />}</Route>
              <Route path="/places">
                <PlacesView />
              </Route>
              <Route>
                <Empty title="There is nothing at this address">Choose Pipelines, Applications or Places above.</Empty>
              </Route>
            </Switch>
          </Frame>
        </LiveProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
