"""Tests of the checkers: a correct server is never accused, a broken one is accused of what it broke."""
