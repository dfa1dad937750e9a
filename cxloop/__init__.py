"""cxloop: what customers say becomes a case that ends only when they have been told and had the last word."""

__version__ = "0.1.0"
