"""The board of operations: what waits, went out, is in doubt or refused, and what a person does about it.

Every page shows ids, states and words of our own; a patient's data only after it was opened, which is written down. What is done
is done by the functions that the command line uses (`ledger.operate`, `delivery.desk`)."""
