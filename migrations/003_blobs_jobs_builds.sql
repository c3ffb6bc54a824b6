-- Schema 2 to 3:
-- - `packages.blob_id`, `blobs` and `blob_pieces` hold the uploaded files of packages.
-- - `package_outcomes` and `jobs` hold what is being processed.
-- - `builds` and `droplets` hold what was staged.

alter table packages add column blob_id integer references blobs (id) check (blob_id is null or type = 'bits');

create index packages_by_blob on packages (blob_id) where blob_id is not null;

create table blobs (
    id     integer primary key autoincrement,
    sha1   text    not null,
    sha256 text    not null unique,
    size   integer not null check (size >= 0)
) strict;

create index blobs_by_sha1 on blobs (sha1);

create table blob_pieces (
    blob_id integer not null references blobs (id) on delete cascade,
    number  integer not null check (number >= 0),
    content blob    not null check (length(content) between 1 and 1048576),
    unique (blob_id, number)
) strict;

create table package_outcomes (
    package_id integer primary key references packages (id) on delete cascade,
    state      text    not null check (state in ('READY', 'FAILED')),
    error      text,
    sha1       text,
    sha256     text,
    due        integer not null
) strict;

create index package_outcomes_by_due on package_outcomes (due);

create table jobs (
    id           integer primary key autoincrement,
    guid         text    not null unique,
    package_guid text    not null,
    state        text    not null check (state in ('PROCESSING', 'COMPLETE')),
    created_at   integer not null,
    updated_at   integer not null,
    due          integer not null
) strict;

create index jobs_by_due on jobs (state, due);

create table builds (
    id           integer primary key autoincrement,
    guid         text    not null unique,
    app_id       integer not null,
    space_id     integer not null,
    package_guid text    not null,
    droplet_guid text    not null unique,
    state        text    not null check (state in ('STAGING', 'STAGED', 'FAILED')),
    error        text,
    lifecycle    text    not null check (lifecycle in ('buildpack', 'docker', 'cnb')),
    buildpacks   text    not null default '[]' check (json_valid(buildpacks)),
    stack        text,
    memory_limit integer,
    disk_limit   integer,
    log_rate_limit integer,
    environment_variables text check (json_valid(environment_variables)),
    user_guid    text    not null,
    user_name    text,
    labels       text    not null default '{}' check (json_valid(labels)),
    annotations  text    not null default '{}' check (json_valid(annotations)),
    created_at   integer not null,
    updated_at   integer,
    due          integer,
    foreign key (app_id, space_id) references apps (id, space_id) on update cascade on delete cascade
) strict;

create index builds_by_app on builds (app_id);
create index builds_by_due on builds (due) where state = 'STAGING';

create table droplets (
    id           integer primary key autoincrement,
    guid         text    not null unique,
    app_id       integer not null,
    space_id     integer not null,
    package_guid text    not null,
    lifecycle    text    not null check (lifecycle in ('buildpack', 'docker', 'cnb')),
    buildpacks   text    not null default '[]' check (json_valid(buildpacks)),
    stack        text,
    image        text,
    created_at   integer not null,
    foreign key (app_id, space_id) references apps (id, space_id) on update cascade on delete cascade
) strict;

create index droplets_by_app     on droplets (app_id);
create index droplets_by_space   on droplets (space_id);
create index droplets_by_package on droplets (package_guid);

create trigger packages_released_blob after update of blob_id on packages when old.blob_id is distinct from new.blob_id begin
    delete from blobs where id = old.blob_id and not exists (select 1 from packages where blob_id = old.blob_id);
end;
create trigger packages_deleted_blob after delete on packages when old.blob_id is not null begin
    delete from blobs where id = old.blob_id and not exists (select 1 from packages where blob_id = old.blob_id);
end;

create trigger droplets_inserted after insert on droplets begin
    update versions set parents = parents + 1;
end;
create trigger droplets_updated after update on droplets begin
    update versions set parents = parents + 1;
end;
create trigger droplets_deleted after delete on droplets begin
    update versions set parents = parents + 1;
end;
