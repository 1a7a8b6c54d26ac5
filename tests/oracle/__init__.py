"""The oracle: every replayed decision, metric and index said again, plainly, slowly, event by event.

It is written from the documents, reads plain JSON, and imports nothing of the product, so that a mistake there is no mistake here.
An event is a dictionary with the columns of the log; personal values in it are opened, or `{"erased": true}`.
"""
