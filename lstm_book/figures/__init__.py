"""The figures of the chapters, one file a chapter; a page calls them with what it measured."""
