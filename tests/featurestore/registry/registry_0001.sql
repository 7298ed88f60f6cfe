-- A registry as schema 1 left it: two applies and a build, with triggers and audit chain.
BEGIN TRANSACTION;
CREATE TABLE applies (
	project TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	message TEXT NOT NULL, 
	code_version TEXT NOT NULL, 
	git_commit TEXT, 
	git_dirty BOOLEAN, 
	changes TEXT NOT NULL, 
	PRIMARY KEY (project, revision)
);
INSERT INTO "applies" VALUES('shop',1,1709208000123456,'ann','first features','0.1.0','c0ffee',1,'{"bindings":1,"groups":1,"registered":2}');
INSERT INTO "applies" VALUES('shop',2,1709294400123456,'bob','retire','0.1.0','c0ffee',1,'{"retired":1}');
CREATE TABLE audit (
	id BIGINT NOT NULL, 
	project TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	action TEXT NOT NULL, 
	document TEXT NOT NULL, 
	previous_hash TEXT NOT NULL, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'shop',1709208000123456,'ann','apply','{"revision":1,"rows":{"applies":"1:28f7604f970a6857febb3dde0b2bc58d39d4f675bd2fbf7e1d934926895cbad9","bindings":"1:927477335a80bb2337055d5f90feeb3b0fce9cd37b4013414c548b5e1280f8e8","definition_events":"2:d45aba0c643458912c241ac5b596ae4e1fa18a7f991501f33d53acbde29c1d1f","definition_metadata":"2:1d797747e32a5f6a4286aa81554b36f4c7a7d10eee678014a4f32894fd08d95a","definitions":"2:6ba0d89765bfce4a167d6a0e4e15b60d96d9105a6e8535fbe17908a71d7cadfd","groups":"1:852756ff4c5d6259ffb6798f6894b5425534a9601160cc56c72aae163094142e"}}','0000000000000000000000000000000000000000000000000000000000000000','6ca1c36c21f2ca494a130d8a50a26d76af3a85bb999020f91e7b2d09e8a8fd9a');
INSERT INTO "audit" VALUES(2,'shop',1709208000123456,'bob','build','{"id":"b_0123456789ab","rows":{"builds":"1:6a64ab1e5539ddc169a60d092556c47c1eb2e3e6fa1e2db44ae025fb16909965"}}','6ca1c36c21f2ca494a130d8a50a26d76af3a85bb999020f91e7b2d09e8a8fd9a','f89576ea7cd32c0ea83605b761a8ad8e45a328d8449bd1ab17d2808a98ecdee3');
INSERT INTO "audit" VALUES(3,'shop',1709294400123456,'bob','apply','{"revision":2,"rows":{"applies":"1:c3e294f3fd23df4022a549fd66b4856f6d568764cbd630c9a7df7ba689c9bf15","definition_events":"1:def8c462906631c2dcf6ccbf4ce7c2d8de52f2435b169f4dad86ca73ffb03f3d"}}','f89576ea7cd32c0ea83605b761a8ad8e45a328d8449bd1ab17d2808a98ecdee3','e6bbc98f22d8e367ac14ebf495683b4cade5e4612be30ab6defc0053ff53e2a2');
CREATE TABLE bindings (
	project TEXT NOT NULL, 
	source TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	columns TEXT NOT NULL, 
	PRIMARY KEY (project, source, revision), 
	FOREIGN KEY(project, revision) REFERENCES applies (project, revision)
);
INSERT INTO "bindings" VALUES('shop','orders',1,'{"path":"a.parquet"}','{"amount":"Float64"}');
CREATE TABLE builds (
	id TEXT NOT NULL, 
	project TEXT NOT NULL, 
	training_set TEXT NOT NULL, 
	label TEXT NOT NULL, 
	service TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	status TEXT NOT NULL, 
	as_of BIGINT NOT NULL, 
	rows BIGINT NOT NULL, 
	dropped BIGINT NOT NULL, 
	code_version TEXT NOT NULL, 
	git_commit TEXT, 
	git_dirty BOOLEAN, 
	artifact TEXT, 
	fingerprints TEXT NOT NULL, 
	bindings TEXT NOT NULL, 
	source_states TEXT NOT NULL, 
	spine TEXT NOT NULL, 
	statistics TEXT NOT NULL, 
	checksums TEXT NOT NULL, 
	packages TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "builds" VALUES('b_0123456789ab','shop','training_set:churn@v1','label:churned@v1','service:checkout@v1',1709208000123456,'bob','complete',-1,1099511627776,3,'0.1.0',NULL,NULL,'builds/b.parquet','{"feature:spend@v1":"1111111111111111111111111111111111111111111111111111111111111111"}','{"orders":{"path":"a.parquet"}}','{"orders":"sha256:9"}','{"label":"label:churned@v1"}','{"spend":{"mean":0.1}}','{"rows":"5"}','{"duckdb":"1.2"}');
CREATE TABLE definition_events (
	project TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	event TEXT NOT NULL, 
	PRIMARY KEY (project, kind, name, version, revision, event), 
	FOREIGN KEY(project, revision) REFERENCES applies (project, revision), 
	FOREIGN KEY(project, kind, name, version) REFERENCES definitions (project, kind, name, version)
);
INSERT INTO "definition_events" VALUES('shop','feature','spend','v1',1,'registered');
INSERT INTO "definition_events" VALUES('shop','source','orders','v1',1,'registered');
INSERT INTO "definition_events" VALUES('shop','feature','spend','v1',2,'retired');
CREATE TABLE definition_metadata (
	project TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	metadata TEXT NOT NULL, 
	file TEXT, 
	line INTEGER, 
	inputs TEXT NOT NULL, 
	metadata_document TEXT NOT NULL, 
	source_text TEXT, 
	PRIMARY KEY (project, kind, name, version, revision), 
	FOREIGN KEY(project, revision) REFERENCES applies (project, revision), 
	FOREIGN KEY(project, kind, name, version) REFERENCES definitions (project, kind, name, version)
);
INSERT INTO "definition_metadata" VALUES('shop','feature','spend','v1',1,'2222222222222222222222222222222222222222222222222222222222222222','features/spend.py',12,'["source:orders@v1","entity:customer@v1"]','{"owner":"café 🧡","tags":[]}','def spend(orders):
    """Spending."""
');
INSERT INTO "definition_metadata" VALUES('shop','source','orders','v1',1,'4444444444444444444444444444444444444444444444444444444444444444',NULL,NULL,'[]','{}',NULL);
CREATE TABLE definitions (
	project TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	logic TEXT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (project, kind, name, version), 
	FOREIGN KEY(project, revision) REFERENCES applies (project, revision)
);
INSERT INTO "definitions" VALUES('shop','feature','spend','v1',1,'1111111111111111111111111111111111111111111111111111111111111111','{"nested":[1,null,{"a":0.5}],"over":"7d","sum":"amount"}');
INSERT INTO "definitions" VALUES('shop','source','orders','v1',1,'3333333333333333333333333333333333333333333333333333333333333333','{}');
CREATE TABLE groups (
	project TEXT NOT NULL, 
	id TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	entity TEXT NOT NULL, 
	members TEXT NOT NULL, 
	schedule TEXT NOT NULL, 
	PRIMARY KEY (project, id, revision), 
	FOREIGN KEY(project, revision) REFERENCES applies (project, revision)
);
INSERT INTO "groups" VALUES('shop','g1',1,'customer','["feature:spend@v1"]','{"every":"1h"}');
CREATE TABLE registry_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT registry_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "registry_version" VALUES('0001');
CREATE INDEX ix_definitions_revision ON definitions (project, revision);
CREATE INDEX ix_definition_metadata_revision ON definition_metadata (project, revision);
CREATE INDEX ix_definition_events_revision ON definition_events (project, revision);
CREATE INDEX ix_builds_training_set ON builds (project, training_set, at);
CREATE TRIGGER "applies_no_update" BEFORE UPDATE ON "applies" BEGIN SELECT RAISE(ABORT, 'applies is append-only: update refused'); END;
CREATE TRIGGER "applies_no_delete" BEFORE DELETE ON "applies" BEGIN SELECT RAISE(ABORT, 'applies is append-only: delete refused'); END;
CREATE TRIGGER "applies_no_replace" BEFORE INSERT ON "applies" WHEN EXISTS (SELECT 1 FROM "applies" WHERE "project" = NEW."project" AND "revision" = NEW."revision") BEGIN SELECT RAISE(ABORT, 'applies is append-only: replace refused'); END;
CREATE TRIGGER "definitions_no_update" BEFORE UPDATE ON "definitions" BEGIN SELECT RAISE(ABORT, 'definitions is append-only: update refused'); END;
CREATE TRIGGER "definitions_no_delete" BEFORE DELETE ON "definitions" BEGIN SELECT RAISE(ABORT, 'definitions is append-only: delete refused'); END;
CREATE TRIGGER "definitions_no_replace" BEFORE INSERT ON "definitions" WHEN EXISTS (SELECT 1 FROM "definitions" WHERE "project" = NEW."project" AND "kind" = NEW."kind" AND "name" = NEW."name" AND "version" = NEW."version") BEGIN SELECT RAISE(ABORT, 'definitions is append-only: replace refused'); END;
CREATE TRIGGER "definition_metadata_no_update" BEFORE UPDATE ON "definition_metadata" BEGIN SELECT RAISE(ABORT, 'definition_metadata is append-only: update refused'); END;
CREATE TRIGGER "definition_metadata_no_delete" BEFORE DELETE ON "definition_metadata" BEGIN SELECT RAISE(ABORT, 'definition_metadata is append-only: delete refused'); END;
CREATE TRIGGER "definition_metadata_no_replace" BEFORE INSERT ON "definition_metadata" WHEN EXISTS (SELECT 1 FROM "definition_metadata" WHERE "project" = NEW."project" AND "kind" = NEW."kind" AND "name" = NEW."name" AND "version" = NEW."version" AND "revision" = NEW."revision") BEGIN SELECT RAISE(ABORT, 'definition_metadata is append-only: replace refused'); END;
CREATE TRIGGER "definition_events_no_update" BEFORE UPDATE ON "definition_events" BEGIN SELECT RAISE(ABORT, 'definition_events is append-only: update refused'); END;
CREATE TRIGGER "definition_events_no_delete" BEFORE DELETE ON "definition_events" BEGIN SELECT RAISE(ABORT, 'definition_events is append-only: delete refused'); END;
CREATE TRIGGER "definition_events_no_replace" BEFORE INSERT ON "definition_events" WHEN EXISTS (SELECT 1 FROM "definition_events" WHERE "project" = NEW."project" AND "kind" = NEW."kind" AND "name" = NEW."name" AND "version" = NEW."version" AND "revision" = NEW."revision" AND "event" = NEW."event") BEGIN SELECT RAISE(ABORT, 'definition_events is append-only: replace refused'); END;
CREATE TRIGGER "groups_no_update" BEFORE UPDATE ON "groups" BEGIN SELECT RAISE(ABORT, 'groups is append-only: update refused'); END;
CREATE TRIGGER "groups_no_delete" BEFORE DELETE ON "groups" BEGIN SELECT RAISE(ABORT, 'groups is append-only: delete refused'); END;
CREATE TRIGGER "groups_no_replace" BEFORE INSERT ON "groups" WHEN EXISTS (SELECT 1 FROM "groups" WHERE "project" = NEW."project" AND "id" = NEW."id" AND "revision" = NEW."revision") BEGIN SELECT RAISE(ABORT, 'groups is append-only: replace refused'); END;
CREATE TRIGGER "bindings_no_update" BEFORE UPDATE ON "bindings" BEGIN SELECT RAISE(ABORT, 'bindings is append-only: update refused'); END;
CREATE TRIGGER "bindings_no_delete" BEFORE DELETE ON "bindings" BEGIN SELECT RAISE(ABORT, 'bindings is append-only: delete refused'); END;
CREATE TRIGGER "bindings_no_replace" BEFORE INSERT ON "bindings" WHEN EXISTS (SELECT 1 FROM "bindings" WHERE "project" = NEW."project" AND "source" = NEW."source" AND "revision" = NEW."revision") BEGIN SELECT RAISE(ABORT, 'bindings is append-only: replace refused'); END;
CREATE TRIGGER "builds_no_update" BEFORE UPDATE ON "builds" BEGIN SELECT RAISE(ABORT, 'builds is append-only: update refused'); END;
CREATE TRIGGER "builds_no_delete" BEFORE DELETE ON "builds" BEGIN SELECT RAISE(ABORT, 'builds is append-only: delete refused'); END;
CREATE TRIGGER "builds_no_replace" BEFORE INSERT ON "builds" WHEN EXISTS (SELECT 1 FROM "builds" WHERE "id" = NEW."id") BEGIN SELECT RAISE(ABORT, 'builds is append-only: replace refused'); END;
CREATE TRIGGER "audit_no_update" BEFORE UPDATE ON "audit" BEGIN SELECT RAISE(ABORT, 'audit is append-only: update refused'); END;
CREATE TRIGGER "audit_no_delete" BEFORE DELETE ON "audit" BEGIN SELECT RAISE(ABORT, 'audit is append-only: delete refused'); END;
CREATE TRIGGER "audit_no_replace" BEFORE INSERT ON "audit" WHEN EXISTS (SELECT 1 FROM "audit" WHERE "id" = NEW."id") BEGIN SELECT RAISE(ABORT, 'audit is append-only: replace refused'); END;
COMMIT;
