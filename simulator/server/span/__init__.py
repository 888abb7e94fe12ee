"""The pure core of the reference server's Span: what it knows, decides and answers. No sockets, no clock."""
