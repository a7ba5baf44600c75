"""Simulated hospitals: an EHR for tests, demonstrations and analysts. It sends orders and files or refuses what comes back.

An independent judge: it reads HL7 by `hl7` alone and knows a hospital by its manifest. No writer, plan, mapping or ledger here.
"""
