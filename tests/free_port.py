"""A port for processes that have to find each other."""
import socket


def free_port() -> str:
    """One of this machine that nobody listens to at the moment."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return str(listener.getsockname()[1])
