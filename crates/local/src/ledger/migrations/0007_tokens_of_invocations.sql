-- A token that the runtime made for one invocation: nobody can come back with it, so the sweeper gives such an intent up.
ALTER TABLE certificates ADD COLUMN token_of_invocation INTEGER NOT NULL DEFAULT 0;
