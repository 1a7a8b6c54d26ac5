"""Reactions: the worker that carries out in log order what playbooks let follow by itself."""
