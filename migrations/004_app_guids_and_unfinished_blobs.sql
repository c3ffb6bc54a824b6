-- Schema 3 to 4:
-- - `packages.app_guid` holds the guid of the app, which a page of packages otherwise looks up in `apps`, row by row.
-- - `blobs.due` marks a file that is not stored whole yet. Only whole files have different checksums.
--
-- SQLite cannot change a foreign key or remove a constraint: both tables are made anew, with the steps of
-- https://sqlite.org/lang_altertable.html#otheralter. The program turns foreign keys off before the transaction, and
-- checks them before it commits.

create unique index apps_by_id_and_guid on apps (id, guid, space_id);

create table packages_new (
    id          integer primary key autoincrement,
    guid        text    not null unique,
    app_id      integer not null,
    app_guid    text    not null,
    space_id    integer not null,
    type        text    not null check (type in ('bits', 'docker')),
    state       text    not null check (state in ('AWAITING_UPLOAD', 'PROCESSING_UPLOAD', 'READY', 'FAILED', 'COPYING', 'EXPIRED')),
    error       text,
    sha1        text,
    sha256      text,
    image       text,
    store_image integer check (store_image in (0, 1)),
    docker_user         text,
    docker_password     text,
    docker_email        text,
    docker_login_server text,
    labels      text    not null default '{}',
    annotations text    not null default '{}',
    created_at  integer not null,
    updated_at  integer,
    blob_id     integer references blobs (id) check (blob_id is null or type = 'bits'),
    foreign key (app_id, app_guid, space_id) references apps (id, guid, space_id) on update cascade,
    check (type = 'bits'   or (sha1 is null and sha256 is null and image is not null and store_image is not null)),
    check (type = 'docker' or (image is null and store_image is null and docker_user is null and docker_password is null
                               and docker_email is null and docker_login_server is null)),
    check (json_valid(labels) and json_valid(annotations))
) strict;

-- The check of foreign keys finds a package without an app.
insert into packages_new (
    id, guid, app_id, app_guid, space_id, type, state, error, sha1, sha256, image, store_image, docker_user, docker_password,
    docker_email, docker_login_server, labels, annotations, created_at, updated_at, blob_id)
select
    r.id, r.guid, r.app_id, coalesce(a.guid, ''), r.space_id, r.type, r.state, r.error, r.sha1, r.sha256, r.image, r.store_image,
    r.docker_user, r.docker_password, r.docker_email, r.docker_login_server, r.labels, r.annotations, r.created_at,
    r.updated_at, r.blob_id
from packages r left join apps a on a.id = r.app_id
order by r.id;

-- The ids of deleted packages are not used again.
delete from sqlite_sequence where name = 'packages_new';
insert into sqlite_sequence (name, seq) select 'packages_new', seq from sqlite_sequence where name = 'packages';

drop table packages;

create table blobs_new (
    id     integer primary key autoincrement,
    sha1   text    not null,
    sha256 text    not null,
    size   integer not null check (size >= 0),
    due    integer
) strict;

insert into blobs_new (id, sha1, sha256, size) select id, sha1, sha256, size from blobs order by id;

delete from sqlite_sequence where name = 'blobs_new';
insert into sqlite_sequence (name, seq) select 'blobs_new', seq from sqlite_sequence where name = 'blobs';

drop table blobs;
alter table blobs_new rename to blobs;

create index blobs_by_sha1 on blobs (sha1);
create unique index blobs_by_sha256 on blobs (sha256) where due is null;
create index blobs_by_due on blobs (due) where due is not null;

-- The triggers of `packages` name `blobs`, so that this table comes last.
alter table packages_new rename to packages;

create index packages_by_app     on packages (app_id);
create index packages_by_space   on packages (space_id);
create index packages_by_state   on packages (state);
create index packages_by_type    on packages (type);
create index packages_by_created on packages (created_at, guid);
create index packages_by_updated on packages (coalesce(updated_at, created_at), guid);
create index packages_by_blob    on packages (blob_id) where blob_id is not null;

create trigger packages_updated after update on packages begin
    update versions set packages = packages + 1;
    insert into package_changes (block, version) values (new.id / 512, (select packages from versions))
        on conflict (block) do update set version = excluded.version;
end;

create trigger packages_deleted after delete on packages begin
    update versions set packages = packages + 1;
    insert into package_changes (block, version) values (old.id / 512, (select packages from versions))
        on conflict (block) do update set version = excluded.version;
end;

create trigger packages_released_blob after update of blob_id on packages when old.blob_id is distinct from new.blob_id begin
    delete from blobs where id = old.blob_id and not exists (select 1 from packages where blob_id = old.blob_id);
end;
create trigger packages_deleted_blob after delete on packages when old.blob_id is not null begin
    delete from blobs where id = old.blob_id and not exists (select 1 from packages where blob_id = old.blob_id);
end;
