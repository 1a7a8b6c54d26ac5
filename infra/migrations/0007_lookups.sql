-- Where a form finds a record by what somebody typed: a phone number leads to the member who has it.
-- Only fields that some published playbook looks up by are kept, each value as a pseudonym (a keyed HMAC of kind, field and value):
-- the table tells nobody a phone number, and `subject` lets an erasure delete what is about a person.
CREATE TABLE dealtrail_read.lookups (
    kind      text   NOT NULL,
    field     text   NOT NULL,
    stream    text   NOT NULL,
    pseudonym bytea  NOT NULL CHECK (octet_length(pseudonym) = 16),
    subject   text,
    position  bigint NOT NULL,
    PRIMARY KEY (kind, field, stream)
);
CREATE INDEX lookups_by_pseudonym ON dealtrail_read.lookups (kind, field, pseudonym, position);
CREATE INDEX lookups_by_subject ON dealtrail_read.lookups (subject);

CREATE TABLE dealtrail_read.looked_up_fields (
    kind  text NOT NULL,
    field text NOT NULL,
    PRIMARY KEY (kind, field)
);
