//! Users and roles. The order of keys matters. See `docs/reference/users-and-roles.md`.

use serde::Serialize;

use super::list_document;
use super::parts::{EmptyMetadata, Link, ToOne};
use crate::edition::BaseUrl;
use crate::edition::current::json::write_compact;
use crate::edition::json::Timestamp;
use crate::edition::ruby::cgi_escape::escape;
use crate::listing::members::Members;
use crate::listing::request::ListRequest;
use crate::records::role::HeldRole;
use crate::records::user::NamedUser;

/// When users and roles were made: before everything that is stored. The time is not stored.
const CREATED_AT: Timestamp = Timestamp(0);
/// The identity provider of every user who has a name: the UAA itself.
const ORIGIN: &str = "uaa";

/// Returns the document of a page of users.
pub fn user_list(base_url: &BaseUrl, request: &ListRequest, found: &Members<NamedUser>) -> Vec<u8> {
    let documents: Vec<_> = found.page.iter().map(|each| user(base_url, each)).collect();
    list_document::of_documents(base_url, request, found.total, &documents)
}

/// Returns the documents of users, as a JSON array.
pub fn user_array(base_url: &BaseUrl, users: &[NamedUser]) -> Vec<u8> {
    let documents: Vec<_> = users.iter().map(|each| user(base_url, each)).collect();
    [&b"["[..], &documents.join(&b','), b"]"].concat()
}

/// Returns the document of one user.
pub fn user(base_url: &BaseUrl, user: &NamedUser) -> Vec<u8> {
    let name = user.name.as_deref();
    let mut out = Vec::new();
    write_compact(
        &mut out,
        &UserDocument {
            guid: &user.guid,
            created_at: CREATED_AT,
            updated_at: CREATED_AT,
            username: name,
            presentation_name: name.unwrap_or(&user.guid),
            origin: name.map(|_| ORIGIN),
            metadata: EmptyMetadata::VALUE,
            links: UserLinks {
                this: user_link(base_url, &user.guid),
            },
        },
    );
    out
}

/// Returns the document of a page of roles.
pub fn role_list(base_url: &BaseUrl, request: &ListRequest, found: &Members<HeldRole>) -> Vec<u8> {
    let documents: Vec<_> = found.page.iter().map(|each| role(base_url, each)).collect();
    list_document::of_documents(base_url, request, found.total, &documents)
}

/// Returns the document of one role.
pub fn role(base_url: &BaseUrl, role: &HeldRole) -> Vec<u8> {
    let base = base_url.as_str();
    let user = ToOne::new(Some(&role.user_guid));
    let (space, organization) = (&role.space_guid, &role.organization_guid);
    let mut out = Vec::new();
    write_compact(
        &mut out,
        &RoleDocument {
            guid: &role.guid,
            created_at: CREATED_AT,
            updated_at: CREATED_AT,
            r#type: &role.role,
            relationships: match space {
                Some(space) => RoleRelationships::InSpace {
                    user,
                    space: ToOne::new(Some(space)),
                    organization: Nothing { data: () },
                },
                None => RoleRelationships::InOrganization {
                    user,
                    organization: ToOne::new(organization.as_deref()),
                    space: Nothing { data: () },
                },
            },
            links: RoleLinks {
                this: Link::new([base, "/v3/roles/", &role.guid]),
                user: user_link(base_url, &role.user_guid),
                space: link(base_url, "/v3/spaces/", space.as_deref()),
                organization: link(base_url, "/v3/organizations/", organization.as_deref()),
            },
        },
    );
    out
}

fn user_link(base_url: &BaseUrl, guid: &str) -> Link {
    Link::new([base_url.as_str(), "/v3/users/", &escape(guid)])
}

fn link(base_url: &BaseUrl, path: &str, guid: Option<&str>) -> Option<Link> {
    guid.map(|guid| Link::new([base_url.as_str(), path, guid]))
}

#[derive(Serialize)]
struct UserDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    username: Option<&'a str>,
    presentation_name: &'a str,
    origin: Option<&'a str>,
    metadata: EmptyMetadata,
    links: UserLinks,
}

#[derive(Serialize)]
struct UserLinks {
    #[serde(rename = "self")]
    this: Link,
}

#[derive(Serialize)]
struct RoleDocument<'a> {
    guid: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    r#type: &'a str,
    relationships: RoleRelationships<'a>,
    links: RoleLinks,
}

/// What the role is not held in comes last.
#[derive(Serialize)]
#[serde(untagged)]
enum RoleRelationships<'a> {
    InSpace {
        user: ToOne<'a>,
        space: ToOne<'a>,
        organization: Nothing,
    },
    InOrganization {
        user: ToOne<'a>,
        organization: ToOne<'a>,
        space: Nothing,
    },
}

/// `{"data":null}`.
#[derive(Serialize)]
struct Nothing {
    data: (),
}

#[derive(Serialize)]
struct RoleLinks {
    #[serde(rename = "self")]
    this: Link,
    user: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<Link>,
}
