PRAGMA application_id = 0x6e776e74; -- "nwnt"
PRAGMA user_version = 1; -- 2 from the first order on

-- The experiment, record by record; nothing here is ever changed. A kind can be order, too.
-- Not a letter between CREATE and ; may change, comments included: every file holds that
-- text, and one with another text is rejected as damaged.
CREATE TABLE journal (
  seq      INTEGER PRIMARY KEY, -- 1, 2, 3 …
  kind     TEXT NOT NULL,       -- run (always the first), result, end
  json     TEXT NOT NULL,       -- durations in nanoseconds
  checksum BLOB NOT NULL        -- SHA-256 of the previous checksum, kind, a zero byte and json
);

-- The last record, so that rows lost from the journal's end are noticed.
CREATE TABLE tip (
  seq      INTEGER NOT NULL,
  checksum BLOB NOT NULL
);

-- All below is for people, and is computed from the journal. An empty list may
-- be null there, of which json_each makes one row without a key.

CREATE VIEW run AS
SELECT json_extract(r.json, '$.id')                       AS id,
       json_extract(r.json, '$.started')                  AS started,
       coalesce(json_extract(e.json, '$.status'), 'running') AS status,
       json_extract(e.json, '$.why')                      AS why,
       json_extract(e.json, '$.duration') / 1e9           AS duration_s,
       json_extract(r.json, '$.device.name')              AS device,
       json_extract(r.json, '$.device.model')             AS model,
       json_extract(r.json, '$.device.firmware')          AS firmware,
       json_extract(r.json, '$.settings.source')          AS source,
       json_extract(r.json, '$.settings')                 AS settings
FROM journal AS r
LEFT JOIN journal AS e ON e.kind = 'end' AND e.seq = (SELECT max(seq) FROM journal)
WHERE r.kind = 'run';

CREATE VIEW trials AS
SELECT json_extract(json, '$.trial.number')               AS trial,
       coalesce(json_array_length(json, '$.trial.block'), 0) AS blocks, -- 0: a control
       json_extract(json, '$.trial.reason')               AS reason,
       json_extract(json, '$.trial.regime')               AS regime,
       json_extract(json, '$.trial.fault')                AS fault,
       json_extract(json, '$.lane')                       AS lane,
       json_extract(json, '$.started')                    AS started,
       json_extract(json, '$.duration') / 1e9             AS duration_s,
       json_extract(json, '$.held') / 1e9                 AS held_s,
       json_extract(json, '$.recovered')                  AS recovered,
       json_extract(json, '$.suspect')                    AS suspect
FROM journal WHERE kind = 'result' ORDER BY seq;

CREATE VIEW blocked AS
SELECT json_extract(j.json, '$.trial.number')             AS trial,
       d.value                                            AS destination
FROM journal AS j, json_each(j.json, '$.trial.block') AS d
WHERE kind = 'result' AND d.key IS NOT NULL ORDER BY seq;

CREATE VIEW outcomes AS
SELECT json_extract(j.json, '$.trial.number')             AS trial,
       o.key                                              AS scenario,
       json_extract(o.value, '$.answer')                  AS answer,
       json_extract(o.value, '$.why')                     AS why,
       json_extract(o.value, '$.duration') / 1e9          AS duration_s
FROM journal AS j, json_each(j.json, '$.outcomes') AS o
WHERE kind = 'result' AND o.key IS NOT NULL ORDER BY seq;

CREATE VIEW steps AS
SELECT json_extract(j.json, '$.trial.number')             AS trial,
       o.key                                              AS scenario,
       s.key + 1                                          AS position,
       json_extract(s.value, '$.step')                    AS step,
       json_extract(s.value, '$.answer')                  AS answer,
       json_extract(s.value, '$.saw')                     AS saw
FROM journal AS j, json_each(j.json, '$.outcomes') AS o, json_each(o.value, '$.steps') AS s
WHERE kind = 'result' ORDER BY seq;

CREATE VIEW orders AS
SELECT seq,
       json_extract(json, '$.at')                         AS at,
       json_extract(json, '$.do')                         AS order_to,
       json_extract(json, '$.until')                      AS until
FROM journal WHERE kind = 'order' ORDER BY seq;

CREATE VIEW contacts AS
SELECT json_extract(j.json, '$.trial.number')             AS trial,
       json_extract(c.value, '$.destination')             AS destination,
       json_extract(c.value, '$.addresses')               AS addresses,
       json_extract(c.value, '$.first')                   AS first,
       json_extract(c.value, '$.last')                    AS last,
       coalesce(json_extract(c.value, '$.tries'), 0)      AS tries,
       coalesce(json_extract(c.value, '$.attempts'), 0)   AS attempts,
       coalesce(json_extract(c.value, '$.touched'), 0)    AS touched,
       coalesce(json_extract(c.value, '$.answered'), 0)   AS answered
FROM journal AS j, json_each(j.json, '$.seen.contacts') AS c
WHERE kind = 'result' AND c.key IS NOT NULL ORDER BY seq;
