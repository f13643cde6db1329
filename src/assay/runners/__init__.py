"""Three thin adapters over one flow: pytest, Locust, scheduler. They share a session and nothing else."""
