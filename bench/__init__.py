"""`python -m bench`: Darkroom beside a direct upstream, LiteLLM's proxy and a floor program, in one run.

Four processes take part besides this one: the upstream (`bench.upstream`), the load client (`bench.load`), and the
servers under test. Everything listens on loopback, on ports that the machine picks.
"""
