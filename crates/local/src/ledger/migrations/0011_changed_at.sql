-- When the oldest change was made that no published CRL covers; null: there is none, or it was made before this was noted.
ALTER TABLE crl_changes ADD COLUMN changed_at INTEGER;
