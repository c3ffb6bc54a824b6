//! The environment of an app, in which no variable is set. The order of keys matters. See
//! `docs/reference/served-routes.md#environment`.

use serde::Serialize;

use super::parts::{EmptyObject, Link};
use crate::edition::current::json::write_compact;
use crate::edition::{AppOfSpace, BaseUrl, SystemEnvironment};

/// Returns the document of the whole environment.
pub fn env(base_url: &BaseUrl, app: &AppOfSpace, system: SystemEnvironment) -> Vec<u8> {
    let mut out = Vec::new();
    write_compact(
        &mut out,
        &Environment {
            environment_variables: EmptyObject {},
            staging_env_json: EmptyObject {},
            running_env_json: EmptyObject {},
            system_env_json: match system {
                SystemEnvironment::Shown => System::Shown {
                    vcap_services: EmptyObject {},
                },
                SystemEnvironment::Hidden => System::Hidden {
                    redacted_message: "[PRIVATE DATA HIDDEN]",
                },
            },
            application_env_json: ApplicationEnvironment {
                vcap_application: VcapApplication {
                    cf_api: base_url.as_str(),
                    limits: EmptyObject {},
                    application_name: &app.name,
                    application_uris: [],
                    name: &app.name,
                    space_name: &app.space_name,
                    space_id: &app.space_guid,
                    organization_id: &app.organization_guid,
                    organization_name: &app.organization_name,
                    uris: [],
                    users: (),
                    application_id: &app.guid,
                },
            },
        },
    );
    out
}

/// Returns the document of the variables that users set.
pub fn variables(base_url: &BaseUrl, app_guid: &str) -> Vec<u8> {
    let app = [base_url.as_str(), "/v3/apps/", app_guid].concat();
    let mut out = Vec::new();
    write_compact(
        &mut out,
        &Variables {
            var: EmptyObject {},
            links: VariablesLinks {
                this: Link::new([&app, "/environment_variables"]),
                app: Link::new([&app]),
            },
        },
    );
    out
}

#[derive(Serialize)]
struct Environment<'a> {
    environment_variables: EmptyObject,
    staging_env_json: EmptyObject,
    running_env_json: EmptyObject,
    system_env_json: System,
    application_env_json: ApplicationEnvironment<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum System {
    Shown {
        #[serde(rename = "VCAP_SERVICES")]
        vcap_services: EmptyObject,
    },
    Hidden {
        redacted_message: &'static str,
    },
}

#[derive(Serialize)]
struct ApplicationEnvironment<'a> {
    #[serde(rename = "VCAP_APPLICATION")]
    vcap_application: VcapApplication<'a>,
}

#[derive(Serialize)]
struct VcapApplication<'a> {
    cf_api: &'a str,
    limits: EmptyObject,
    application_name: &'a str,
    application_uris: [&'a str; 0],
    name: &'a str,
    space_name: &'a str,
    space_id: &'a str,
    organization_id: &'a str,
    organization_name: &'a str,
    uris: [&'a str; 0],
    users: (),
    application_id: &'a str,
}

#[derive(Serialize)]
struct Variables {
    var: EmptyObject,
    links: VariablesLinks,
}

#[derive(Serialize)]
struct VariablesLinks {
    #[serde(rename = "self")]
    this: Link,
    app: Link,
}
