"""The tunnel's protocol: frames and streams, without sockets, threads or a clock. Shared by the server and the agent."""
