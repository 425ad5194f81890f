"""The keys of the language, one by one: what the schema says of each, and what each target does with it. No part of a compile."""
