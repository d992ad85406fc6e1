-- How far readers of topics are, and what follows the journal to publish messages: operational data, not the chain,
-- changed in place. A place that was lost is made good by reading again: whoever hears a message twice knows its id.

CREATE TABLE nostro.topic_place (
    chain   text COLLATE "C" NOT NULL,
    reader  text COLLATE "C" NOT NULL,
    place   text NOT NULL,
    PRIMARY KEY (chain, reader)
);
GRANT SELECT, INSERT, UPDATE ON nostro.topic_place TO nostro_engine;
