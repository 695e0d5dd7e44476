-- Nonce and authentication code of an intent (32 octets each), while it is open: what shows that it was made by somebody who
-- may prepare certificates. Intents of before have none, and are given up.
ALTER TABLE certificates ADD COLUMN authentication BLOB;
