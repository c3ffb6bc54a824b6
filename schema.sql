-- The data of cf-packages: every table, index, trigger and check of schema 5, the current one.
--
-- A new file is made with these statements. A file of an earlier schema is migrated to this schema by `migrations/`. Both are compared
-- with these statements, without regard to comments and white space, before a file is used.
--
-- In each table:
-- - `id` numbers the rows in the order in which they were stored. Lists show rows in this order. Ids only grow, and the
--   ids of deleted rows are not used again.
-- - `guid` is the identifier in the API: 1 to 200 of the characters A-Z a-z 0-9 . _ -
-- - `name` is 1 to 250 characters. `folded_name` is `name` in lower case, made by the program, since names are compared
--   without regard to case.
-- - Times, the columns `…_at`, are whole seconds since 1970-01-01T00:00:00Z by the server's clock. `due` is the moment at
--   which a server finishes what the row describes, in milliseconds since then by the clock of the system.
-- - Flags are 0 (no) or 1 (yes).

create table organizations (
    id          integer primary key autoincrement,
    guid        text    not null unique,
    name        text    not null,               -- as it was written in the seed
    folded_name text    not null unique,        -- `name` in lower case
    suspended   integer not null default 0 check (suspended in (0, 1)), -- flag
    created_at  integer not null,               -- seconds
    labels      text    not null default '{}' check (json_valid(labels)), -- a JSON object of strings, keys in the order of the seed
    annotations text    not null default '{}' check (json_valid(annotations)) -- the same
) strict;

-- `organizations.labels`, one label per row: the index of label selectors.
create table organization_labels (
    key             text    not null,     -- with its prefix, as `example.com/env`
    value           text    not null,     -- may be empty
    organization_id integer not null references organizations (id) on delete cascade,
    primary key (key, value, organization_id)
) strict, without rowid;

create index organization_labels_by_organization on organization_labels (organization_id);

create table spaces (
    id              integer primary key autoincrement,
    guid            text    not null unique,
    name            text    not null,           -- as it was written in the seed
    folded_name     text    not null,           -- `name` in lower case; unique in the organization
    organization_id integer not null references organizations (id),
    created_at      integer not null,           -- seconds
    labels          text    not null default '{}' check (json_valid(labels)), -- a JSON object of strings, keys in the order of the seed
    annotations     text    not null default '{}' check (json_valid(annotations)), -- the same
    unique (organization_id, folded_name)
) strict;

create index spaces_by_name on spaces (folded_name);

-- `spaces.labels`, one label per row: the index of label selectors.
create table space_labels (
    key      text    not null,            -- with its prefix, as `example.com/env`
    value    text    not null,            -- may be empty
    space_id integer not null references spaces (id) on delete cascade,
    primary key (key, value, space_id)
) strict, without rowid;

create index space_labels_by_space on space_labels (space_id);

create table apps (
    id          integer primary key autoincrement,
    guid        text    not null unique,
    name        text    not null,               -- as it was written in the seed
    folded_name text    not null,               -- `name` in lower case; unique in the space
    space_id    integer not null references spaces (id),
    lifecycle   text    not null default 'buildpack' check (lifecycle in ('buildpack', 'docker', 'cnb')),
    created_at  integer not null,               -- seconds
    labels      text    not null default '{}' check (json_valid(labels)), -- a JSON object of strings, keys in the order of the seed
    annotations text    not null default '{}' check (json_valid(annotations)), -- the same
    unique (space_id, folded_name),
    unique (id, space_id)                       -- for the foreign keys of `builds` and `droplets`
) strict;

create index apps_by_name on apps (folded_name);
-- For the foreign key of `packages`.
create unique index apps_by_id_and_guid on apps (id, guid, space_id);

-- `apps.labels`, one label per row: the index of label selectors.
create table app_labels (
    key    text    not null,              -- with its prefix, as `example.com/env`
    value  text    not null,              -- may be empty
    app_id integer not null references apps (id) on delete cascade,
    primary key (key, value, app_id)
) strict, without rowid;

create index app_labels_by_app on app_labels (app_id);

create table packages (
    id          integer primary key autoincrement,
    guid        text    not null unique,
    app_id      integer not null,               -- the app, in `apps`
    app_guid    text    not null,               -- the guid of the app, so that no page of packages reads `apps`
    space_id    integer not null,               -- the space of the app; changes with it when the app moves
    type        text    not null check (type in ('bits', 'docker')),
    state       text    not null check (state in ('AWAITING_UPLOAD', 'PROCESSING_UPLOAD', 'READY', 'FAILED', 'COPYING', 'EXPIRED')),
    error       text,                           -- why processing failed; null: it did not fail
    sha1        text,                           -- bits: SHA-1 of the content, 40 lower-case hex digits; null: not uploaded
    sha256      text,                           -- bits: SHA-256 of the content, 64 lower-case hex digits; null: not uploaded
    image       text,                           -- docker: the reference of the image, as `registry/image:tag`
    store_image integer check (store_image in (0, 1)), -- docker: flag of the 2015 edition
    docker_user         text,                   -- docker: user name at the registry
    docker_password     text,                   -- docker: password at the registry; only `export` shows it
    docker_email        text,                   -- docker: e-mail address of that user
    docker_login_server text,                   -- docker: URL of the registry's login
    labels      text    not null default '{}',  -- a JSON object of strings, keys in the order of the seed
    annotations text    not null default '{}',  -- a JSON object of strings, keys in the order of the seed
    created_at  integer not null,               -- seconds
    updated_at  integer,                        -- seconds; null: never changed
    blob_id     integer references blobs (id) check (blob_id is null or type = 'bits'), -- bits: the stored file; null: none
    foreign key (app_id, app_guid, space_id) references apps (id, guid, space_id) on update cascade,
    check (type = 'bits'   or (sha1 is null and sha256 is null and image is not null and store_image is not null)),
    check (type = 'docker' or (image is null and store_image is null and docker_user is null and docker_password is null
                               and docker_email is null and docker_login_server is null)),
    check (json_valid(labels) and json_valid(annotations))
) strict;

-- `packages.labels`, one label per row: the index of label selectors.
create table package_labels (
    key        text    not null,                -- with its prefix, as `example.com/env`
    value      text    not null,                -- may be empty
    package_id integer not null references packages (id) on delete cascade,
    primary key (key, value, package_id)
) strict, without rowid;

create index package_labels_by_package on package_labels (package_id);

-- The uploaded files of packages, one row for each distinct content. A blob is deleted with the last package that refers to
-- it. A large one is stored in several transactions; until the last of them, no package refers to it.
create table blobs (
    id     integer primary key autoincrement,
    sha1   text    not null,                    -- SHA-1 of the content, 40 lower-case hex digits
    sha256 text    not null,                    -- SHA-256 of the content, 64 lower-case hex digits; unique among whole blobs
    size   integer not null check (size >= 0),  -- bytes
    due    integer                              -- milliseconds: when an unfinished blob is deleted; null: the blob is whole
) strict;

create index blobs_by_sha1 on blobs (sha1);
create unique index blobs_by_sha256 on blobs (sha256) where due is null;
create index blobs_by_due on blobs (due) where due is not null;

-- The content of blobs. Joined in the order of their numbers, the pieces are the file.
create table blob_pieces (
    blob_id integer not null references blobs (id) on delete cascade,
    number  integer not null check (number >= 0), -- 0, 1, 2, … without a gap
    content blob    not null check (length(content) between 1 and 1048576),
    unique (blob_id, number)
) strict;

-- What will become of packages whose state is PROCESSING_UPLOAD or COPYING. A package of such a state without a row here,
-- as a seed stores it, keeps its state.
create table package_outcomes (
    package_id integer primary key references packages (id) on delete cascade,
    state      text    not null check (state in ('READY', 'FAILED')), -- `packages.state` afterwards
    error      text,                            -- `packages.error` afterwards
    sha1       text,                            -- `packages.sha1` afterwards
    sha256     text,                            -- `packages.sha256` afterwards
    due        integer not null                 -- milliseconds
) strict;

create index package_outcomes_by_due on package_outcomes (due);

-- The jobs of the current edition. The only operation is `package.delete`.
create table jobs (
    id           integer primary key autoincrement,
    guid         text    not null unique,
    package_guid text    not null,              -- the package that the job deletes, or has deleted
    state        text    not null check (state in ('PROCESSING', 'COMPLETE')),
    created_at   integer not null,              -- seconds
    updated_at   integer not null,              -- seconds
    due          integer not null               -- milliseconds. A complete job is forgotten a day later
) strict;

create index jobs_by_due on jobs (state, due);

-- Requests to stage a package. The edition 2015 shows a build as a droplet.
create table builds (
    id           integer primary key autoincrement,
    guid         text    not null unique,
    app_id       integer not null,              -- the app, in `apps`
    space_id     integer not null,              -- the space of the app; changes with it when the app moves
    package_guid text    not null,              -- the package, which may have been deleted since
    droplet_guid text    not null unique,       -- the guid that the droplet gets; equal to `guid` if the edition 2015 made the row
    state        text    not null check (state in ('STAGING', 'STAGED', 'FAILED')),
    error        text,                          -- why staging failed; null: it did not fail
    lifecycle    text    not null check (lifecycle in ('buildpack', 'docker', 'cnb')),
    buildpacks   text    not null default '[]' check (json_valid(buildpacks)), -- a JSON array of strings: those requested
    stack        text,                          -- null: the lifecycle has none
    memory_limit integer,                       -- MiB; null: not given
    disk_limit   integer,                       -- MiB; null: not given
    log_rate_limit integer,                     -- bytes a second, -1: unlimited; null: not given
    environment_variables text check (json_valid(environment_variables)), -- a JSON object, of the edition 2015; null: not given
    user_guid    text    not null,              -- who asked for the build: the caller's guid
    user_name    text,                          -- that user's name; null: unknown
    labels       text    not null default '{}' check (json_valid(labels)),      -- a JSON object of strings
    annotations  text    not null default '{}' check (json_valid(annotations)), -- a JSON object of strings
    created_at   integer not null,              -- seconds
    updated_at   integer,                       -- seconds; null: never changed
    due          integer,                       -- milliseconds: when the build becomes STAGED by itself; null: never
    foreign key (app_id, space_id) references apps (id, space_id) on update cascade on delete cascade
) strict;

create index builds_by_app on builds (app_id);
create index builds_by_due on builds (due) where state = 'STAGING';

-- What builds that are STAGED have made.
create table droplets (
    id           integer primary key autoincrement,
    guid         text    not null unique,
    app_id       integer not null,              -- the app, in `apps`
    space_id     integer not null,              -- the space of the app; changes with it when the app moves
    package_guid text    not null,              -- the package, which may have been deleted since
    lifecycle    text    not null check (lifecycle in ('buildpack', 'docker', 'cnb')),
    buildpacks   text    not null default '[]' check (json_valid(buildpacks)), -- a JSON array of strings
    stack        text,                          -- null: the lifecycle has none
    image        text,                          -- docker: the image of the package
    created_at   integer not null,              -- seconds
    foreign key (app_id, space_id) references apps (id, space_id) on update cascade on delete cascade
) strict;

create index droplets_by_app     on droplets (app_id);
create index droplets_by_space   on droplets (space_id);
create index droplets_by_package on droplets (package_guid);

create table users (
    id   integer primary key autoincrement,
    guid text    not null unique,               -- the claim `user_id` of the user's tokens
    name text                                   -- the claim `user_name`; not unique; null: unknown
) strict;

create table organization_roles (
    user_id         integer not null references users (id) on delete cascade,
    organization_id integer not null references organizations (id),
    role            text    not null check (role in ('organization_user', 'organization_auditor', 'organization_manager',
                                                     'organization_billing_manager')),
    primary key (user_id, organization_id, role)
) strict, without rowid;

create table space_roles (
    user_id  integer not null references users (id) on delete cascade,
    space_id integer not null references spaces (id),
    role     text    not null check (role in ('space_auditor', 'space_developer', 'space_manager', 'space_supporter')),
    primary key (user_id, space_id, role)
) strict, without rowid;

create index organization_roles_by_organization on organization_roles (organization_id);
create index space_roles_by_space on space_roles (space_id);

-- The keys that verify tokens (HS256). The key with the highest id signs.
create table token_keys (
    id     integer primary key autoincrement,
    secret blob    not null check (length(secret) >= 32) -- random bytes
) strict;

-- The data version, in one row: caches compare it to find out whether the data changed. The triggers below count here,
-- whichever program changes the data. Each counter only grows.
create table versions (
    id       integer primary key check (id = 1),
    packages integer not null,                  -- updates and deletions of packages; an insertion shows in the highest id
    access   integer not null,                  -- changes of what callers may see: roles, users, and moved or deleted parents
    parents  integer not null                   -- changes of organizations, spaces, apps and droplets
) strict;

insert into versions (id, packages, access, parents) values (1, 0, 0, 0);

-- In which blocks of 512 ids packages were updated or deleted. A cached list is corrected in these blocks only.
create table package_changes (
    block   integer primary key,                -- id / 512
    version integer not null                    -- the value of `versions.packages` after the last change in the block
) strict;

create index package_changes_by_version on package_changes (version);

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

-- A blob is freed with the last package that refers to it.
create trigger packages_released_blob after update of blob_id on packages when old.blob_id is distinct from new.blob_id begin
    delete from blobs where id = old.blob_id and not exists (select 1 from packages where blob_id = old.blob_id);
end;
create trigger packages_deleted_blob after delete on packages when old.blob_id is not null begin
    delete from blobs where id = old.blob_id and not exists (select 1 from packages where blob_id = old.blob_id);
end;

create trigger organizations_inserted after insert on organizations begin
    update versions set parents = parents + 1;
end;
create trigger organizations_updated after update on organizations begin
    update versions set access = access + 1, parents = parents + 1;
end;
create trigger organizations_deleted after delete on organizations begin
    update versions set access = access + 1, parents = parents + 1;
end;

-- A new space changes what the managers of its organization may see.
create trigger spaces_inserted after insert on spaces begin
    update versions set access = access + 1, parents = parents + 1;
end;
create trigger spaces_updated after update on spaces begin
    update versions set access = access + 1, parents = parents + 1;
end;
create trigger spaces_deleted after delete on spaces begin
    update versions set access = access + 1, parents = parents + 1;
end;

create trigger apps_inserted after insert on apps begin
    update versions set parents = parents + 1;
end;
create trigger apps_updated after update on apps begin
    update versions set access = access + 1, parents = parents + 1;
end;
create trigger apps_deleted after delete on apps begin
    update versions set access = access + 1, parents = parents + 1;
end;

-- The list caches of droplets compare the same counter as those of the parents.
create trigger droplets_inserted after insert on droplets begin
    update versions set parents = parents + 1;
end;
create trigger droplets_updated after update on droplets begin
    update versions set parents = parents + 1;
end;
create trigger droplets_deleted after delete on droplets begin
    update versions set parents = parents + 1;
end;

-- A new user has no role yet.
create trigger users_updated after update of guid on users begin
    update versions set access = access + 1;
end;
create trigger users_deleted after delete on users begin
    update versions set access = access + 1;
end;

create trigger organization_roles_inserted after insert on organization_roles begin
    update versions set access = access + 1;
end;
create trigger organization_roles_updated after update on organization_roles begin
    update versions set access = access + 1;
end;
create trigger organization_roles_deleted after delete on organization_roles begin
    update versions set access = access + 1;
end;
create trigger space_roles_inserted after insert on space_roles begin
    update versions set access = access + 1;
end;
create trigger space_roles_updated after update on space_roles begin
    update versions set access = access + 1;
end;
create trigger space_roles_deleted after delete on space_roles begin
    update versions set access = access + 1;
end;

-- The indexes below are made after the first data of a new file is stored: to sort a million rows once is faster than to
-- insert them one by one.

-- Each entry of an index ends with the row's `id`, so that the rows of one value come in stored order without a sort.
create index packages_by_app     on packages (app_id);
create index packages_by_space   on packages (space_id);
create index packages_by_state   on packages (state);
create index packages_by_type    on packages (type);
create index packages_by_created on packages (created_at, guid);
create index packages_by_updated on packages (coalesce(updated_at, created_at), guid);
create index packages_by_blob    on packages (blob_id) where blob_id is not null;
