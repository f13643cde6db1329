"""The landscape on this machine: edge, simulators and reference merchant as processes that outlive the command."""
