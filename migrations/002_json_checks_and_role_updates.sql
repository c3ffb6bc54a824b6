-- Schema 1 to 2:
-- - `packages` checks that `labels` and `annotations` are JSON.
-- - An update of a role, and an update or a deletion of a user, counts in `versions.access`.
-- - `versions.neighbours` is renamed `parents`.
--
-- SQLite cannot add a check to a table: the table is made anew, with the steps of
-- https://sqlite.org/lang_altertable.html#otheralter. The program turns foreign keys off before the transaction, and
-- checks them before it commits.

alter table versions rename column neighbours to parents;

create table packages_new (
    id          integer primary key autoincrement,
    guid        text    not null unique,
    app_id      integer not null,
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
    foreign key (app_id, space_id) references apps (id, space_id) on update cascade,
    check (type = 'bits'   or (sha1 is null and sha256 is null and image is not null and store_image is not null)),
    check (type = 'docker' or (image is null and store_image is null and docker_user is null and docker_password is null
                               and docker_email is null and docker_login_server is null)),
    check (json_valid(labels) and json_valid(annotations))
) strict;

insert into packages_new (
    id, guid, app_id, space_id, type, state, error, sha1, sha256, image, store_image, docker_user, docker_password,
    docker_email, docker_login_server, labels, annotations, created_at, updated_at)
select
    id, guid, app_id, space_id, type, state, error, sha1, sha256, image, store_image, docker_user, docker_password,
    docker_email, docker_login_server, labels, annotations, created_at, updated_at
from packages
order by id;

-- The ids of deleted packages are not used again.
delete from sqlite_sequence where name = 'packages_new';
insert into sqlite_sequence (name, seq) select 'packages_new', seq from sqlite_sequence where name = 'packages';

drop table packages;
alter table packages_new rename to packages;

create index packages_by_app     on packages (app_id);
create index packages_by_space   on packages (space_id);
create index packages_by_state   on packages (state);
create index packages_by_type    on packages (type);
create index packages_by_created on packages (created_at, guid);
create index packages_by_updated on packages (coalesce(updated_at, created_at), guid);

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

create trigger users_updated after update of guid on users begin
    update versions set access = access + 1;
end;
create trigger users_deleted after delete on users begin
    update versions set access = access + 1;
end;

create trigger organization_roles_updated after update on organization_roles begin
    update versions set access = access + 1;
end;
create trigger space_roles_updated after update on space_roles begin
    update versions set access = access + 1;
end;
