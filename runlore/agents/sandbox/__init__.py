"""Run a WebAssembly component of a package, in a process of its own and within limits."""
