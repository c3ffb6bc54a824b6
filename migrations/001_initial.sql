-- The data of cf-packages: every table, index, trigger and check there is.
--
-- `id` is where a row was stored: listings show rows in this order, ids only grow and are never used again.
-- Times are whole seconds since 1970-01-01T00:00:00Z, UTC. Flags are 0 or 1.
-- `folded_name` is `name` in lower case, made by the program: names compare without regard to case.

create table organizations (
    id          integer primary key autoincrement,
    guid        text    not null unique,
    name        text    not null,               -- as it is shown
    folded_name text    not null unique,
    suspended   integer not null default 0 check (suspended in (0, 1)),
    created_at  integer not null
) strict;

create table spaces (
    id              integer primary key autoincrement,
    guid            text    not null unique,
    name            text    not null,
    folded_name     text    not null,
    organization_id integer not null references organizations (id),
    created_at      integer not null,
    unique (organization_id, folded_name)
) strict;

create index spaces_by_name on spaces (folded_name);

create table apps (
    id          integer primary key autoincrement,
    guid        text    not null unique,
    name        text    not null,
    folded_name text    not null,
    space_id    integer not null references spaces (id),
    lifecycle   text    not null default 'buildpack' check (lifecycle in ('buildpack', 'docker', 'cnb')),
    created_at  integer not null,
    unique (space_id, folded_name),
    unique (id, space_id)                       -- what packages refer to
) strict;

create index apps_by_name on apps (folded_name);

create table packages (
    id          integer primary key autoincrement,
    guid        text    not null unique,
    app_id      integer not null,
    space_id    integer not null,               -- the app's; follows it when the app moves
    type        text    not null check (type in ('bits', 'docker')),
    state       text    not null check (state in ('AWAITING_UPLOAD', 'PROCESSING_UPLOAD', 'READY', 'FAILED', 'COPYING', 'EXPIRED')),
    error       text,                           -- why it failed
    sha1        text,                           -- of the bits, lower-case hex, once uploaded
    sha256      text,
    image       text,                           -- docker: where the image is
    store_image integer check (store_image in (0, 1)),
    docker_user         text,                   -- docker: credentials for the registry
    docker_password     text,                   -- never answered; export holds it
    docker_email        text,
    docker_login_server text,
    labels      text    not null default '{}',  -- a JSON object of text in the order given; `package_labels` is its index
    annotations text    not null default '{}',  -- a JSON object of text in the order given
    created_at  integer not null,
    updated_at  integer,                        -- null: never changed
    foreign key (app_id, space_id) references apps (id, space_id) on update cascade,
    check (type = 'bits'   or (sha1 is null and sha256 is null and image is not null and store_image is not null)),
    check (type = 'docker' or (image is null and store_image is null and docker_user is null and docker_password is null
                               and docker_email is null and docker_login_server is null))
) strict;

-- The labels of packages, one a row, for selectors.
create table package_labels (
    key        text    not null,                -- with its prefix: `example.com/env`
    value      text    not null,
    package_id integer not null references packages (id) on delete cascade,
    primary key (key, value, package_id)
) strict, without rowid;

create index package_labels_by_package on package_labels (package_id);

create table users (
    id   integer primary key autoincrement,
    guid text    not null unique,               -- the `user_id` of their tokens
    name text                                   -- the `user_name`; need not be unique
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

-- Keys that sign and verify tokens (HS256). The newest signs.
create table token_keys (
    id     integer primary key autoincrement,
    secret blob    not null check (length(secret) >= 32)
) strict;

-- What changed, for programs that remember listings. Counters only grow.
create table versions (
    id         integer primary key check (id = 1),
    packages   integer not null,                -- packages updated or deleted; inserts show by a higher id
    access     integer not null,                -- who may see which packages: roles, and apps, spaces, organizations moved
    neighbours integer not null                 -- any change of apps, spaces or organizations
) strict;

insert into versions (id, packages, access, neighbours) values (1, 0, 0, 0);

-- The blocks of 512 package ids in which packages were updated or deleted, each with the version of its last change.
create table package_changes (
    block   integer primary key,                -- id / 512
    version integer not null
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

create trigger organizations_inserted after insert on organizations begin
    update versions set neighbours = neighbours + 1;
end;
create trigger organizations_updated after update on organizations begin
    update versions set access = access + 1, neighbours = neighbours + 1;
end;
create trigger organizations_deleted after delete on organizations begin
    update versions set access = access + 1, neighbours = neighbours + 1;
end;

-- A manager of the organization sees a new space's packages from its first.
create trigger spaces_inserted after insert on spaces begin
    update versions set access = access + 1, neighbours = neighbours + 1;
end;
create trigger spaces_updated after update on spaces begin
    update versions set access = access + 1, neighbours = neighbours + 1;
end;
create trigger spaces_deleted after delete on spaces begin
    update versions set access = access + 1, neighbours = neighbours + 1;
end;

create trigger apps_inserted after insert on apps begin
    update versions set neighbours = neighbours + 1;
end;
create trigger apps_updated after update on apps begin
    update versions set access = access + 1, neighbours = neighbours + 1;
end;
create trigger apps_deleted after delete on apps begin
    update versions set access = access + 1, neighbours = neighbours + 1;
end;

create trigger organization_roles_inserted after insert on organization_roles begin
    update versions set access = access + 1;
end;
create trigger organization_roles_deleted after delete on organization_roles begin
    update versions set access = access + 1;
end;
create trigger space_roles_inserted after insert on space_roles begin
    update versions set access = access + 1;
end;
create trigger space_roles_deleted after delete on space_roles begin
    update versions set access = access + 1;
end;

-- The last part is made after the first data of a new file: an index is made of a million rows sooner than it grows by
-- them one by one.

-- Each of these ends in `id` by nature, so that a filter's rows come in stored order without a sort.
create index packages_by_app     on packages (app_id);
create index packages_by_space   on packages (space_id);
create index packages_by_state   on packages (state);
create index packages_by_type    on packages (type);
create index packages_by_created on packages (created_at, guid);
create index packages_by_updated on packages (coalesce(updated_at, created_at), guid);
