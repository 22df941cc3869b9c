//go:build tools

// Package tools pins the Git host that the demo and the tests run against.
package tools

import _ "code.gitea.io/gitea"
