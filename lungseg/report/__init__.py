"""Tables -> figures, pages, the README's answer."""
