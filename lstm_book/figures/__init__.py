"""The figures of the book, one module a chapter: ``from lstm_book.figures import gradient_flow``.

A chapter measures, and gives what it has measured to a function here that draws it. A module is
imported alone, never through this file, so that a change of one chapter's figures runs no other
chapter again.
"""
