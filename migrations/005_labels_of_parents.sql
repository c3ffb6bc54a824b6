-- Schema 4 to 5: organizations, spaces and apps have labels and annotations.

alter table organizations add column labels text not null default '{}' check (json_valid(labels));
alter table organizations add column annotations text not null default '{}' check (json_valid(annotations));

create table organization_labels (
    key             text    not null,
    value           text    not null,
    organization_id integer not null references organizations (id) on delete cascade,
    primary key (key, value, organization_id)
) strict, without rowid;

create index organization_labels_by_organization on organization_labels (organization_id);

alter table spaces add column labels text not null default '{}' check (json_valid(labels));
alter table spaces add column annotations text not null default '{}' check (json_valid(annotations));

create table space_labels (
    key      text    not null,
    value    text    not null,
    space_id integer not null references spaces (id) on delete cascade,
    primary key (key, value, space_id)
) strict, without rowid;

create index space_labels_by_space on space_labels (space_id);

alter table apps add column labels text not null default '{}' check (json_valid(labels));
alter table apps add column annotations text not null default '{}' check (json_valid(annotations));

create table app_labels (
    key    text    not null,
    value  text    not null,
    app_id integer not null references apps (id) on delete cascade,
    primary key (key, value, app_id)
) strict, without rowid;

create index app_labels_by_app on app_labels (app_id);
