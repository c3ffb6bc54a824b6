//! Every caller × every route × the own, another and a suspended organization, as `docs/reference/access.md` has it.
//!
//! A route that is added to an OpenAPI document needs a line in `ENDPOINTS`, and a column in the table of its edition. The
//! routes of `EMPTY_ROUTES` have none: who gets them follows from who may see the parent.

use std::collections::BTreeSet;

use cf_packages::edition::Edition;
use cf_packages::edition::current::empty::{EMPTY_ROUTES, EmptyAnswer, EmptyRoute, ParentKind};
use serde_json::Value;

use crate::support::{
    ORGANIZATION_ROLES, Part, Response, SPACE_ROLES, Server, WorkDir, archive, upload,
};

/// The organizations. A caller with a role holds it in `own` and in `suspended`. Each has a space, two apps and two
/// packages, whose guids end in its name: `app`, whose `package` has bits and whose package `waiting` waits for an upload,
/// and `target`, which has no package.
const PLACES: [&str; 3] = ["own", "other", "suspended"];

/// What the tables call an endpoint, its operation in the OpenAPI document with a query, what its guid is of or its list
/// holds, and the body to send. `PLACE` stands for the name of the organization.
struct Endpoint {
    heading: &'static str,
    operation: &'static str,
    about: &'static str,
    body: &'static str,
}

impl Endpoint {
    /// Returns the operation as the OpenAPI document has it.
    fn documented(&self) -> String {
        let operation = self.operation.split('?').next().expect("a path");
        operation.replace("/target-own/", "/{guid}/")
    }
}

const fn endpoint(
    heading: &'static str,
    operation: &'static str,
    about: &'static str,
    body: &'static str,
) -> Endpoint {
    Endpoint {
        heading,
        operation,
        about,
        body,
    }
}

/// Without `about`, the answer does not depend on an organization.
#[rustfmt::skip] // One line per endpoint.
const ENDPOINTS: &[Endpoint] = &[
    endpoint("packages", "GET /v3/packages", "package", ""),
    endpoint("package", "GET /v3/packages/{guid}", "package", ""),
    endpoint("app-packages", "GET /v3/apps/{guid}/packages", "app", ""),
    endpoint("apps", "GET /v3/apps", "app", ""),
    endpoint("app", "GET /v3/apps/{guid}", "app", ""),
    endpoint("spaces", "GET /v3/spaces", "space", ""),
    endpoint("space", "GET /v3/spaces/{guid}", "space", ""),
    endpoint("orgs", "GET /v3/organizations", "organization", ""),
    endpoint("org", "GET /v3/organizations/{guid}", "organization", ""),
    endpoint("create", "POST /v3/packages", "app", r#"{"type": "bits", "relationships": {"app": {"data": {"guid": "app-PLACE"}}}}"#),
    endpoint("copy-to", "POST /v3/packages?source_guid=package-own", "app", r#"{"relationships": {"app": {"data": {"guid": "target-PLACE"}}}}"#),
    endpoint("copy-from", "POST /v3/packages?source_guid=package-PLACE", "package", r#"{"relationships": {"app": {"data": {"guid": "target-own"}}}}"#),
    endpoint("create-2015", "POST /v3/apps/{guid}/packages", "app", r#"{"type": "bits"}"#),
    endpoint("copy-to-2015", "POST /v3/apps/{guid}/packages?source_package_guid=package-own", "target", ""),
    endpoint("copy-from-2015", "POST /v3/apps/target-own/packages?source_package_guid=package-PLACE", "package", ""),
    endpoint("upload", "POST /v3/packages/{guid}/upload", "waiting", ""),
    endpoint("update", "PATCH /v3/packages/{guid}", "package", r#"{"metadata": {"labels": {"a": "b"}}}"#),
    endpoint("delete", "DELETE /v3/packages/{guid}", "package", ""),
    endpoint("assign-2015", "PUT /v3/apps/{guid}/current_droplet", "app", "{}"),
    endpoint("assign", "PATCH /v3/apps/{guid}/relationships/current_droplet", "app", "{}"),
    endpoint("download", "GET /v3/packages/{guid}/download", "package", ""),
    endpoint("job", "GET /v3/jobs/{guid}", "job", ""),
    endpoint("stage-2015", "POST /v3/packages/{guid}/droplets", "package", "{}"),
    endpoint("stage", "POST /v3/builds", "package", r#"{"package": {"guid": "package-PLACE"}}"#),
    endpoint("build", "GET /v3/builds/{guid}", "build", ""),
    endpoint("end-build", "POST /admin/builds/{guid}", "build", r#"{"state": "STAGED"}"#),
    endpoint("droplets", "GET /v3/droplets", "droplet", ""),
    endpoint("droplet", "GET /v3/droplets/{guid}", "droplet", ""),
    endpoint("its-droplets", "GET /v3/packages/{guid}/droplets", "package", ""),
    endpoint("app-droplets", "GET /v3/apps/{guid}/droplets", "app", ""),
    endpoint("processes", "GET /v3/processes", "app", ""),
    endpoint("process", "GET /v3/processes/{guid}", "app", ""),
    endpoint("stats", "GET /v3/processes/{guid}/stats", "app", ""),
    endpoint("instances", "GET /v3/processes/{guid}/process_instances", "app", ""),
    endpoint("app-processes", "GET /v3/apps/{guid}/processes", "app", ""),
    endpoint("app-process", "GET /v3/apps/{guid}/processes/{type}", "app", ""),
    endpoint("app-stats", "GET /v3/apps/{guid}/processes/{type}/stats", "app", ""),
    endpoint("features", "GET /v3/apps/{guid}/features", "app", ""),
    endpoint("feature", "GET /v3/apps/{guid}/features/{name}", "app", ""),
    endpoint("ssh", "GET /v3/apps/{guid}/ssh_enabled", "app", ""),
    endpoint("env", "GET /v3/apps/{guid}/env", "app", ""),
    endpoint("variables", "GET /v3/apps/{guid}/environment_variables", "app", ""),
    endpoint("space-features", "GET /v3/spaces/{guid}/features", "space", ""),
    endpoint("space-feature", "GET /v3/spaces/{guid}/features/{name}", "space", ""),
    endpoint("space-segment", "GET /v3/spaces/{guid}/relationships/isolation_segment", "space", ""),
    endpoint("org-segment", "GET /v3/organizations/{guid}/relationships/default_isolation_segment", "organization", ""),
    endpoint("users", "GET /v3/users", "user", ""),
    endpoint("user", "GET /v3/users/{guid}", "user", ""),
    endpoint("roles", "GET /v3/roles", "role", ""),
    endpoint("role", "GET /v3/roles/{guid}", "role", ""),
    endpoint("space-role", "GET /v3/roles/{guid}", "space-role", ""),
    endpoint("quotas", "GET /v3/organization_quotas", "", ""),
    endpoint("quota", "GET /v3/organization_quotas/{guid}", "quota", ""),
    endpoint("root", "GET /", "", ""),
    endpoint("v3", "GET /v3", "", ""),
    endpoint("info", "GET /v3/info", "", ""),
    endpoint("health", "GET /healthz", "", ""),
    endpoint("openapi", "GET /openapi.json", "", ""),
    endpoint("login", "GET /login", "", ""),
    endpoint("oauth", "POST /oauth/token", "", "grant_type=password&client_id=cf&client_secret=&username=admin&password=secret"),
    endpoint("export", "GET /admin/export", "", ""),
    endpoint("requests", "GET /admin/requests", "", ""),
    endpoint("count", "GET /admin/requests/count", "", ""),
    endpoint("forget", "DELETE /admin/requests", "", ""),
    endpoint("faults", "GET /admin/faults", "", ""),
    endpoint("fault", "POST /admin/faults", "", r#"{"path": "/nowhere", "kind": "rate_limit"}"#),
    endpoint("no-faults", "DELETE /admin/faults", "", ""),
    endpoint("time", "GET /admin/clock", "", ""),
    endpoint("clock", "PUT /admin/clock", "", r#"{"advance": "0s"}"#),
    endpoint("seed", "POST /admin/seed", "", r#"{"organizations": [{"name": "more"}]}"#),
    endpoint("reset", "POST /admin/reset", "", ""),
    endpoint("token", "POST /admin/token", "", r#"{"user": "admin"}"#),
];

// `+`: 2xx, and a list holds the resource. `-`: 404, or a list without it. `!`: 403. `s`: 403, because the organization is
// suspended. `*`: 422. `?`: 401. Three signs are those of the own, the other and the suspended organization.

const MATRIX_2015: &str = "
    caller                       packages package app-packages app create-2015 copy-to-2015 copy-from-2015 upload download delete assign-2015 stage-2015 droplet end-build health openapi login oauth export requests count forget time faults fault no-faults clock seed reset token
    admin                        +++      +++     +++          +++ +++         +++          +++            +++    +++      +++    ***         +++        +++     +++       +      +       -     -     +      +        +     +      +    +      +     +         +     +    +     +
    admin_read_only              !!!      !!!     !!!          !!! !!!         !!!          !!!            !!!    !!!      !!!    !!!         !!!        !!!     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    global_auditor               !!!      !!!     !!!          !!! !!!         !!!          !!!            !!!    !!!      !!!    !!!         !!!        !!!     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    global_auditor+read          ---      ---     ---          --- !!!         !!!          !!!            !!!    !!!      !!!    !!!         !!!        ---     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    admin_read_only+write        !!!      !!!     !!!          !!! ---         ---          ---            ---    !!!      ---    ---         ---        !!!     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    global_auditor+write         !!!      !!!     !!!          !!! ---         ---          ---            ---    !!!      ---    ---         ---        !!!     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    write                        !!!      !!!     !!!          !!! ---         ---          ---            ---    !!!      ---    ---         ---        !!!     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    space_developer              +-+      +--     +--          +-- +--         +--          +--            +--    +--      +--    *--         +--        +--     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    space_manager                +-+      +--     +--          +-- !--         !--          !!!            !--    +--      !--    !--         !--        +--     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    space_auditor                +-+      +--     +--          +-- !--         !--          !!!            !--    +--      !--    !--         !--        +--     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    space_supporter              ---      ---     ---          --- ---         ---          ---            ---    ---      ---    ---         ---        ---     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    organization_manager         +-+      +--     +--          +-- !--         !--          !!!            !--    +--      !--    !--         !--        +--     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    organization_user            ---      ---     ---          --- ---         ---          ---            ---    ---      ---    ---         ---        ---     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    organization_auditor         ---      ---     ---          --- ---         ---          ---            ---    ---      ---    ---         ---        ---     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    organization_billing_manager ---      ---     ---          --- ---         ---          ---            ---    ---      ---    ---         ---        ---     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    no-role                      ---      ---     ---          --- ---         ---          ---            ---    ---      ---    ---         ---        ---     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    unknown-user                 ---      ---     ---          --- ---         ---          ---            ---    ---      ---    ---         ---        ---     !!!       +      +       -     -     !      !        !     !      !    !      !     !         !     !    !     !
    no-token                     ???      ???     ???          ??? ???         ???          ???            ???    ???      ???    ???         ???        ???     ???       +      +       -     -     ?      ?        ?     ?      ?    ?      ?     ?         ?     ?    ?     ?
";

const MATRIX_CURRENT: &str = "
    caller                       packages package app-packages apps app spaces space orgs org create copy-to copy-from upload update delete assign download job stage build droplets droplet its-droplets app-droplets processes process stats instances app-processes app-process app-stats features feature ssh env variables space-features space-feature space-segment org-segment users user roles role space-role quotas quota end-build root v3 info health openapi login oauth export requests count forget time faults fault no-faults clock seed reset token
    admin                        +++      +++     +++          +++  +++ +++    +++   +++  +++ +++    +++     +++       +++    +++    +++    ***    +++      +++ +++   +++   +++      +++     +++          +++          +++       +++     +++   +++       +++           +++         +++       +++      +++     +++ +++ +++       +++            +++           +++           +++         +++   +++  +++   +++  +++        +      +++   +++       +    +  +    +      +       +     +     +      +        +     +      +    +      +     +         +     +    +     +
    admin_read_only              +++      +++     +++          +++  +++ +++    +++   +++  +++ !!!    !!!     !!!       !!!    !!!    !!!    !!!    +++      +++ !!!   +++   +++      +++     +++          +++          +++       +++     +++   +++       +++           +++         +++       +++      +++     +++ +++ +++       +++            +++           +++           +++         +++   +++  +++   +++  +++        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    global_auditor               +++      +++     +++          +++  +++ +++    +++   +++  +++ !!!    !!!     !!!       !!!    !!!    !!!    !!!    !!!      +++ !!!   +++   +++      +++     +++          +++          +++       +++     +++   +++       +++           +++         +++       +++      +++     +++ !!! !!!       +++            +++           +++           +++         +++   +++  +++   +++  +++        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    global_auditor+read          +++      +++     +++          +++  +++ +++    +++   +++  +++ !!!    !!!     !!!       !!!    !!!    !!!    !!!    !!!      +++ !!!   +++   +++      +++     +++          +++          +++       +++     +++   +++       +++           +++         +++       +++      +++     +++ !!! !!!       +++            +++           +++           +++         +++   +++  +++   +++  +++        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    admin_read_only+write        +++      +++     +++          +++  +++ +++    +++   +++  +++ !!!    !!!     !!!       !!!    !!!    !!!    !!!    +++      +++ ***   +++   +++      +++     +++          +++          +++       +++     +++   +++       +++           +++         +++       +++      +++     +++ +++ +++       +++            +++           +++           +++         +++   +++  +++   +++  +++        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    global_auditor+write         +++      +++     +++          +++  +++ +++    +++   +++  +++ !!!    !!!     !!!       !!!    !!!    !!!    !!!    !!!      +++ ***   +++   +++      +++     +++          +++          +++       +++     +++   +++       +++           +++         +++       +++      +++     +++ !!! !!!       +++            +++           +++           +++         +++   +++  +++   +++  +++        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    write                        !!!      !!!     !!!          !!!  !!! !!!    !!!   !!!  !!! ***    ***     ***       ---    ---    ---    ---    !!!      !!! ***   !!!   !!!      !!!     !!!          !!!          !!!       !!!     !!!   !!!       !!!           !!!         !!!       !!!      !!!     !!! !!! !!!       !!!            !!!           !!!           !!!         !!!   !!!  !!!   !!!  !!!        !      !!!   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    space_developer              +-+      +-+     +-+          +-+  +-+ +-+    +-+   +-+  +-+ +*s    +*s     +*s       +-s    +-s    +-s    *-s    +-+      +++ +*s   +-+   +-+      +-+     +-+          +-+          +-+       +-+     +-+   +-+       +-+           +-+         +-+       +-+      +-+     +-+ +-+ +-+       +-+            +-+           +-+           +-+         +-+   +-+  +-+   +-+  +-+        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    space_manager                +-+      +-+     +-+          +-+  +-+ +-+    +-+   +-+  +-+ !*!    !*!     !!!       !-!    !-!    !-!    !-!    !-!      +++ ***   +-+   +-+      +-+     +-+          +-+          +-+       +-+     +-+   +-+       +-+           +-+         +-+       +-+      +-+     +-+ !-! !-!       +-+            +-+           +-+           +-+         +-+   +-+  +-+   +-+  +-+        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    space_auditor                +-+      +-+     +-+          +-+  +-+ +-+    +-+   +-+  +-+ !*!    !*!     !!!       !-!    !-!    !-!    !-!    !-!      +++ ***   +-+   +-+      +-+     +-+          +-+          +-+       +-+     +-+   +-+       +-+           +-+         +-+       +-+      +-+     +-+ !-! !-!       +-+            +-+           +-+           +-+         +-+   +-+  +-+   +-+  +-+        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    space_supporter              +-+      +-+     +-+          +-+  +-+ +-+    +-+   +-+  +-+ !*!    !*!     !!!       !-!    !-!    !-!    !-!    !-!      +++ +*s   +-+   +-+      +-+     +-+          +-+          +-+       +-+     +-+   +-+       +-+           +-+         +-+       +-+      +-+     +-+ +-+ +-+       +-+            +-+           +-+           +-+         +-+   +-+  +-+   +-+  +-+        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    organization_manager         +-+      +-+     +-+          +-+  +-+ +-+    +-+   +-+  +-+ !*!    !*!     !!!       !-!    !-!    !-!    !-!    !-!      +++ ***   +-+   +-+      +-+     +-+          +-+          +-+       +-+     +-+   +-+       +-+           +-+         +-+       +-+      +-+     +-+ !-! !-!       +-+            +-+           +-+           +-+         +-+   +-+  +-+   +-+  +-+        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    organization_user            ---      ---     ---          ---  --- ---    ---   +-+  +-+ ***    ***     ***       ---    ---    ---    ---    ---      +++ ***   ---   ---      ---     ---          ---          ---       ---     ---   ---       ---           ---         ---       ---      ---     --- --- ---       ---            ---           ---           +-+         +-+   +-+  +-+   +-+  ---        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    organization_auditor         ---      ---     ---          ---  --- ---    ---   +-+  +-+ ***    ***     ***       ---    ---    ---    ---    ---      +++ ***   ---   ---      ---     ---          ---          ---       ---     ---   ---       ---           ---         ---       ---      ---     --- --- ---       ---            ---           ---           +-+         +-+   +-+  +-+   +-+  ---        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    organization_billing_manager ---      ---     ---          ---  --- ---    ---   +-+  +-+ ***    ***     ***       ---    ---    ---    ---    ---      +++ ***   ---   ---      ---     ---          ---          ---       ---     ---   ---       ---           ---         ---       ---      ---     --- --- ---       ---            ---           ---           +-+         +-+   +-+  +-+   +-+  ---        +      +++   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    no-role                      ---      ---     ---          ---  --- ---    ---   ---  --- ***    ***     ***       ---    ---    ---    ---    ---      +++ ***   ---   ---      ---     ---          ---          ---       ---     ---   ---       ---           ---         ---       ---      ---     --- --- ---       ---            ---           ---           ---         ---   ---  ---   ---  ---        +      ---   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    unknown-user                 ---      ---     ---          ---  --- ---    ---   ---  --- ***    ***     ***       ---    ---    ---    ---    ---      +++ ***   ---   ---      ---     ---          ---          ---       ---     ---   ---       ---           ---         ---       ---      ---     --- --- ---       ---            ---           ---           ---         ---   ---  ---   ---  ---        +      ---   !!!       +    +  +    +      +       +     +     !      !        !     !      !    !      !     !         !     !    !     !
    no-token                     ???      ???     ???          ???  ??? ???    ???   ???  ??? ???    ???     ???       ???    ???    ???    ???    ???      ??? ???   ???   ???      ???     ???          ???          ???       ???     ???   ???       ???           ???         ???       ???      ???     ??? ??? ???       ???            ???           ???           ???         ???   ???  ???   ???  ???        ?      ???   ???       +    +  +    +      +       +     +     ?      ?        ?     ?      ?    ?      ?     ?         ?     ?    ?     ?
";

/// Returns the data: the places, and a user for each role, named like the role.
fn seed() -> String {
    let mut seed: [Vec<String>; 5] = Default::default();
    for place in PLACES {
        let suspended = place == "suspended";
        let entries = [
            format!(
                r#"{{"guid": "organization-{place}", "name": "{place}", "suspended": {suspended}}}"#
            ),
            format!(
                r#"{{"guid": "space-{place}", "name": "s", "organization": "organization-{place}"}}"#
            ),
            format!(
                r#"{{"guid": "app-{place}", "name": "a", "space": "space-{place}"}},
                   {{"guid": "target-{place}", "name": "t", "space": "space-{place}"}}"#
            ),
            format!(
                r#"{{"guid": "package-{place}", "app": "app-{place}", "type": "bits", "bits": "bits.zip"}},
                   {{"guid": "waiting-{place}", "app": "app-{place}", "type": "bits"}}"#
            ),
        ];
        for (kind, entry) in seed.iter_mut().zip(entries) {
            kind.push(entry);
        }
    }
    for place in PLACES {
        seed[4].push(format!(
            r#"{{"guid": "member-{place}", "roles": [{{"role": "organization_auditor", "organization": "organization-{place}"}},
                                                   {{"role": "space_auditor", "space": "space-{place}"}}]}}"#
        ));
    }
    for role in SPACE_ROLES.iter().chain(&ORGANIZATION_ROLES) {
        let kind = role.split('_').next().expect("a kind");
        let roles = ["own", "suspended"]
            .map(|place| format!(r#"{{"role": "{role}", "{kind}": "{kind}-{place}"}}"#));
        seed[4].push(format!(
            r#"{{"guid": "{role}", "roles": [{}]}}"#,
            roles.join(",")
        ));
    }
    seed[4].push(r#"{"guid": "no-role"}"#.into());
    let [organizations, spaces, apps, packages, users] = seed.map(|entries| entries.join(","));
    format!(
        r#"{{"organizations": [{organizations}], "spaces": [{spaces}], "apps": [{apps}], "packages": [{packages}],
            "users": [{users}]}}"#
    )
}

/// Returns the token of a caller of the tables, or nothing for the caller without a token.
fn token(dir: &WorkDir, caller: &str) -> String {
    let scopes: &[&str] = match caller {
        "no-token" => return String::new(),
        "admin" => &["cloud_controller.admin"],
        "admin_read_only" => &["cloud_controller.admin_read_only"],
        "global_auditor" => &["cloud_controller.global_auditor"],
        "global_auditor+read" => &["cloud_controller.global_auditor", "cloud_controller.read"],
        "admin_read_only+write" => &["cloud_controller.admin_read_only", "cloud_controller.write"],
        "global_auditor+write" => &["cloud_controller.global_auditor", "cloud_controller.write"],
        "write" => &["cloud_controller.write"],
        _ => &["cloud_controller.read", "cloud_controller.write"],
    };
    let mut arguments = vec!["token", "--token-key", "k", "--user", caller];
    for scope in scopes {
        arguments.extend(["--scope", scope]);
    }
    dir.run_ok(&arguments).trim_end().to_owned()
}

/// The server that a table is compared with, and the token of an admin.
struct Target {
    server: Server,
    edition: Edition,
    admin: String,
}

impl Target {
    /// Sends a request of an endpoint for the organization `place`. `guid` takes the place of `{guid}`.
    fn send(&self, endpoint: &Endpoint, place: &str, guid: &str, token: &str) -> Response {
        let operation = endpoint.operation.replace("{guid}", guid);
        let operation = operation.replace("{name}", "ssh");
        let operation = operation.replace("{type}", "web");
        let operation = operation.replace("PLACE", place);
        if let Some(path) = operation
            .strip_prefix("POST ")
            .filter(|path| path.ends_with("/upload"))
        {
            let bits = archive(&[("a", b"x")]);
            return self
                .server
                .send(upload(path, token, &[Part::File("bits", &bits)]));
        }
        let content = match endpoint.operation {
            "POST /oauth/token" => "application/x-www-form-urlencoded",
            _ => "application/json",
        };
        self.send_body(
            &operation,
            token,
            content,
            &endpoint.body.replace("PLACE", place),
        )
    }

    fn send_body(&self, operation: &str, token: &str, content: &str, body: &str) -> Response {
        let authorization = match token {
            "" => String::new(),
            token => format!("Authorization: bearer {token}\r\n"),
        };
        let length = body.len();
        self.server.send(format!(
            "{operation} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: {content}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Returns the signs of a route to what does not exist here, as a cell of the tables would have them.
    fn signs_of_empty(&self, route: &EmptyRoute, token: &str) -> String {
        let sign_of = |guid: &str| {
            let path = route.path.replace(":guid", guid).replace([':'], "");
            let response = self.send_body(&format!("GET /{path}"), token, "application/json", "");
            sign(&response, None)
        };
        match route.parent {
            None => sign_of("any").into(),
            Some(parent) => {
                let guids = PLACES.map(|place| format!("{}-{place}", about(parent)));
                guids.iter().map(|guid| sign_of(guid)).collect()
            }
        }
    }

    /// Sends a request of an admin, which must succeed.
    fn send_as_admin(&self, operation: &str, body: &str) -> Response {
        let response = self.send_body(operation, &self.admin, "application/json", body);
        assert!(
            (200..300).contains(&response.status),
            "{operation}: {response:?}"
        );
        response
    }

    /// Makes a build, a droplet or a job, which no seed can hold, of the package of the organization `place`. Returns its
    /// guid. Everything else is in the seed.
    fn guid(&self, about: &str, place: &str) -> String {
        match about {
            "build" => self.stage(place),
            "droplet" => {
                let build = self.stage(place);
                let path = format!("POST /admin/builds/{build}");
                let ended = self.send_as_admin(&path, r#"{"state": "STAGED"}"#);
                match self.edition {
                    // A droplet is all that it shows of a build.
                    Edition::Of2015 => build,
                    Edition::Current => text(&document(&ended)["droplet"]["guid"]),
                }
            }
            "job" => {
                let deleted =
                    self.send_as_admin(&format!("DELETE /v3/packages/package-{place}"), "");
                let location = deleted.header("location").expect("a job");
                location.rsplit('/').next().expect("a guid").to_owned()
            }
            "quota" => cf_packages::records::quota::GUID.to_owned(),
            "user" => format!("member-{place}"),
            "role" => format!("member-{place}~organization_auditor~organization-{place}"),
            "space-role" => format!("member-{place}~space_auditor~space-{place}"),
            about => format!("{about}-{place}"),
        }
    }

    fn stage(&self, place: &str) -> String {
        let package = format!("package-{place}");
        let staged = match self.edition {
            Edition::Of2015 => {
                self.send_as_admin(&format!("POST /v3/packages/{package}/droplets"), "{}")
            }
            Edition::Current => {
                let body = format!(r#"{{"package": {{"guid": "{package}"}}}}"#);
                self.send_as_admin("POST /v3/builds", &body)
            }
        };
        text(&document(&staged)["guid"])
    }

    /// Returns the signs of an endpoint for a caller, as a cell of the tables has them.
    fn signs(&self, endpoint: &Endpoint, token: &str) -> String {
        if endpoint.about.is_empty() {
            return sign(&self.send(endpoint, "", "", token), None).into();
        }
        let reads = endpoint.operation.starts_with("GET ");
        let is_list = reads && !endpoint.operation.contains("{guid}");
        let sign_of = |place: &&str| {
            let guid = self.guid(endpoint.about, place);
            let response = self.send(endpoint, place, &guid, token);
            sign(&response, is_list.then_some(&guid))
        };
        let signs = PLACES.iter().map(sign_of).collect();
        if !reads || ["build", "droplet", "job"].contains(&endpoint.about) {
            self.send_as_admin("POST /admin/reset", "");
        }
        signs
    }
}

/// Returns what the guids of such parents begin with.
fn about(parent: ParentKind) -> &'static str {
    match parent {
        ParentKind::Organization => "organization",
        ParentKind::Space => "space",
        ParentKind::App | ParentKind::Process => "app",
    }
}

/// Returns what a route to what does not exist here must answer, given the cells of the caller's row: what `GET` of the
/// parent answers, or the same for every caller who may read.
fn expected_of_empty(route: &EmptyRoute, cell: impl Fn(&str) -> String) -> String {
    let expected = match route.parent {
        Some(ParentKind::Organization) => cell("org"),
        Some(ParentKind::Space) => cell("space"),
        Some(ParentKind::App) => cell("app"),
        Some(ParentKind::Process) => cell("process"),
        None => match cell("package").as_str() {
            refused @ ("!!!" | "???") => refused[..1].into(),
            _ => "+".into(),
        },
    };
    match route.answer {
        EmptyAnswer::NotFound(_) => expected.replace('+', "-"),
        EmptyAnswer::List(_) | EmptyAnswer::ListOfParent(_) => expected,
    }
}

/// Returns the operation of the route as the OpenAPI document has it.
fn operation_of_empty(route: &EmptyRoute) -> String {
    let segments = route
        .path
        .split('/')
        .map(|segment| match segment.strip_prefix(':') {
            Some(name) => format!("/{{{name}}}"),
            None => format!("/{segment}"),
        });
    format!("GET {}", segments.collect::<String>())
}

fn document(response: &Response) -> Value {
    serde_json::from_str(&response.body).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Returns the sign of a response. `wanted` is the guid that a list must hold.
fn sign(response: &Response, wanted: Option<&str>) -> char {
    let holds = |guid: &str| {
        let document = document(response);
        let resources = document["resources"].as_array().expect("resources");
        resources.iter().any(|resource| resource["guid"] == guid)
    };
    match response.status {
        200..300 if wanted.is_none_or(holds) => '+',
        200 | 404 => '-',
        403 if response.body.contains("CF-OrgSuspended") => 's',
        403 => '!',
        422 => '*',
        401 => '?',
        _ => panic!("{response:?}"),
    }
}

/// Returns the operations of the edition's OpenAPI document.
fn operations(edition: Edition) -> BTreeSet<String> {
    let document: Value = serde_json::from_slice(edition.openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").keys();
        methods
            .filter(|method| *method != "parameters")
            .map(|method| format!("{} {path}", method.to_uppercase()))
            .collect::<Vec<_>>()
    });
    operations.collect()
}

/// Compares a table with a server of the edition.
fn assert_matrix(edition: Edition, matrix: &str, flags: &[&str]) {
    let dir = WorkDir::new();
    dir.write("seed.json", seed());
    dir.write("bits.zip", archive(&[("a", b"x")]));
    let api = edition.to_string();
    let common = [
        "--ephemeral",
        "--api",
        &api,
        "--seed",
        "seed.json",
        "--token-key",
        "k",
    ];
    let flags = [&common[..], flags].concat();
    let target = Target {
        server: Server::start(dir.command().env("TMPDIR", dir.path("")).args(flags)),
        edition,
        admin: token(&dir, "admin"),
    };

    let mut rows = matrix
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|row| !row.is_empty());
    let headings = rows.next().expect("a heading");
    let endpoints: Vec<_> = headings[1..]
        .iter()
        .map(|heading| {
            let known = ENDPOINTS.iter().find(|known| known.heading == *heading);
            known.unwrap_or_else(|| panic!("no endpoint `{heading}`"))
        })
        .collect();
    let empty_routes = match edition {
        Edition::Of2015 => &[],
        Edition::Current => EMPTY_ROUTES,
    };
    let mut tried: BTreeSet<_> = endpoints.iter().map(|e| e.documented()).collect();
    tried.extend(empty_routes.iter().map(operation_of_empty));
    let mut wrong: Vec<String> = operations(edition)
        .symmetric_difference(&tried)
        .filter(|operation| edition == Edition::Current || !is_login(operation))
        .map(|operation| format!("{operation}: in the table or in the document, not in both"))
        .collect();
    let mut callers = BTreeSet::new();
    for row in rows {
        assert_eq!(row.len(), headings.len(), "{row:?}");
        callers.insert(row[0].to_owned());
        let token = token(&dir, row[0]);
        for (endpoint, expected) in endpoints.iter().zip(&row[1..]) {
            let found = target.signs(endpoint, &token);
            if found != *expected {
                wrong.push(format!(
                    "{} {}: {found} instead of {expected}",
                    row[0], endpoint.operation
                ));
            }
        }
        let cell = |heading: &str| {
            let column = headings.iter().position(|known| *known == heading);
            row[column.expect("a column")].to_owned()
        };
        for route in empty_routes {
            let (found, expected) = (
                target.signs_of_empty(route, &token),
                expected_of_empty(route, cell),
            );
            if found != expected {
                wrong.push(format!(
                    "{} {}: {found} instead of {expected}",
                    row[0], route.path
                ));
            }
        }
    }
    for role in SPACE_ROLES.iter().chain(&ORGANIZATION_ROLES) {
        assert!(callers.contains(*role), "no row `{role}`");
    }
    assert!(wrong.is_empty(), "edition {edition}:\n{}", wrong.join("\n"));
    target.server.stop();
}

/// The edition 2015 answers these with 404, which its document does not describe.
fn is_login(operation: &str) -> bool {
    ["GET /login", "POST /oauth/token"].contains(&operation)
}

#[test]
fn every_caller_gets_what_the_reference_says_in_2015() {
    assert_matrix(Edition::Of2015, MATRIX_2015, &[]);
}

#[test]
fn every_caller_gets_what_the_reference_says_in_current() {
    let login = ["--login", "--login-password", "secret"];
    assert_matrix(Edition::Current, MATRIX_CURRENT, &login);
}
