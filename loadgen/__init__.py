"""`msgcheck load`: whether a server keeps its latency budget at a load, and stays correct meanwhile.

    budgets ─▶ plan ─▶ locustfile + users (Locust, in processes of its own) ─▶ wire ─▶ gathering ─▶ verdict

The command's process runs Trio and judges; the generator's processes run Locust on gevent and measure.
They share the plan, which is plain data, and the messages of `wire`.
"""
