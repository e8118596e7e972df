"""Sentences to calibrated probabilities.

`scoring` has the linear model and is the file to read first; `features` turns sentences into numbers and `context`
adds what surrounds them. `transformer` is the accurate model, which reads the `windows` of a document. `manifest`
describes a model; `store` saves and verifies one.
"""
