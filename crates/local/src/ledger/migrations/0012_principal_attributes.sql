-- What is known of the principal beside its text, as JSON: {"token_name": ["ci"], …}; null: nothing is.
ALTER TABLE certificates ADD COLUMN principal_attributes TEXT;
