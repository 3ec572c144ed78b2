"""A promotion in the words of other formats, each document held against that format's own library before it is given out.

What no evidence says stands in no document: no supplier, no author, no data set that the manifest does not name. The same
promotion gives the same bytes; ids are derived from what is described, and times are that of the decision.
"""
