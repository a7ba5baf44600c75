"""segwright: HL7 v2 result messages for many hospitals from one set of mappings."""

__version__ = "0.1.0"
