"""Speed and size, side by side with what one would use instead. `just bench` runs all, `just bench layout` one."""
