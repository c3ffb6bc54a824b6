//! Editions: the versions of the API that a server can speak. An edition parses requests, presents records and errors,
//! and says who may read what.
//!
//! Each edition is a folder. [`Edition`] is matched in this file only; other modules call its methods. To delete an
//! edition, delete its folder and its lines in this file.

pub mod current;
pub mod of_2015;

mod base_url;
mod buildpack;
mod json;
mod ruby;
mod upload_form;

use std::fmt;

use clap::ValueEnum;

use crate::blobs::archive::ArchiveFault;
use crate::caller::AccessRules;
use crate::changes::{Deletion, NewBuild, NewPackage, UpdatePackage};
use crate::error::ApiError;
use crate::listing::SuspendedOrganizations;
use crate::listing::members::Members;
use crate::listing::request::{Include, ListRequest};
use crate::records::role::HeldRole;
use crate::records::user::NamedUser;
use crate::records::{
    App, AppRecord, Build, BuildRecord, Droplet, JobRecord, Package, PackageRecord, Process,
    Resource, Table,
};
use crate::store::StoreError;
pub use base_url::{BaseUrl, is_authority, is_host_and_port, path_prefix};
pub use current::empty::{EmptyRoute, ParentKind};
pub use upload_form::{UploadForm, UploadResource};

/// The edition of the API that a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Edition {
    /// The API document of 2015, to the letter.
    #[default]
    #[value(name = "2015")]
    Of2015,
    /// What Cloud Controllers answer today.
    Current,
}

impl fmt::Display for Edition {
    /// Writes the name that `--api` has for the edition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no edition is hidden");
        f.write_str(value.get_name())
    }
}

/// The members of a JSON body.
#[derive(Clone, Debug)]
pub struct Body(ruby::json_body::JsonObject);

/// Receives the records of a page one after the other.
pub type RecordSink<'a, R> = dyn FnMut(<R as Table>::Record<'_>) -> Result<(), StoreError> + 'a;

/// A request for a list of packages.
#[derive(Clone, Debug)]
pub struct PackageListRequest {
    /// The list. If it is the list of one app, its path and conditions name the app.
    pub list: ListRequest,
    /// The guid of the app, if it is the list of one app. A caller who may not see the app gets 404 `App not found`.
    pub app: Option<String>,
}

/// A request for a list of droplets.
#[derive(Clone, Debug)]
pub struct DropletListRequest {
    /// The list. If it is the list of one app or package, its path and conditions name it.
    pub list: ListRequest,
    /// What the droplets belong to. A caller who may not see it gets 404.
    pub parent: Option<DropletParent>,
}

/// The app or the package whose droplets are listed, by its guid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropletParent {
    /// An app.
    App(String),
    /// A package.
    Package(String),
}

/// A request for a list of processes.
#[derive(Clone, Debug)]
pub struct ProcessListRequest {
    /// The list. If it is the list of one app, its path and conditions name the app.
    pub list: ListRequest,
    /// The guid of the app, if it is the list of one app. A caller who may not see the app gets 404 `App not found`.
    pub app: Option<String>,
    /// Whether each process shows its instances.
    pub instances: ProcessInstances,
}

/// Whether a process shows its instances, of which none exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessInstances {
    /// It shows an empty array.
    Embedded,
    /// It does not.
    LeftOut,
}

impl ProcessInstances {
    /// Returns whether these words of `embed` name the instances.
    pub(crate) fn named_by(embedded: &[&str]) -> Self {
        if embedded.is_empty() {
            Self::LeftOut
        } else {
            Self::Embedded
        }
    }
}

/// Whether the caller sees the command that starts a process. No process has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartCommand {
    /// They see that there is none.
    Shown,
    /// A text stands for it.
    Hidden,
}

/// An app with its parents, as its environment shows them.
#[derive(Clone, Debug, Default)]
pub struct AppOfSpace {
    /// The guid of the app.
    pub guid: String,
    /// The name of the app.
    pub name: String,
    /// The guid of the space.
    pub space_guid: String,
    /// The name of the space.
    pub space_name: String,
    /// The guid of the organization.
    pub organization_guid: String,
    /// The name of the organization.
    pub organization_name: String,
}

/// Whether the caller sees the part of an environment that may hold the secrets of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemEnvironment {
    /// They see it.
    Shown,
    /// A text stands for it.
    Hidden,
}

/// A request for what does not exist here.
#[derive(Clone, Debug)]
pub struct EmptyRequest {
    /// What it belongs to, by its guid. A caller who may not see it gets 404.
    pub parent: Option<(ParentKind, String)>,
    /// The list, or the error to report once the parent is known to exist.
    pub list: Result<EmptyListRequest, ApiError>,
}

/// A request for a list that is always empty.
#[derive(Clone, Debug)]
pub struct EmptyListRequest {
    /// The list. No row fulfils its conditions.
    pub list: ListRequest,
    /// The arrays of `included`; empty without the parameter `include`.
    pub included: Vec<&'static str>,
}

/// A request for one resource by its guid.
#[derive(Clone, Debug)]
pub struct SingleRequest {
    include: Result<Include, ApiError>,
}

impl SingleRequest {
    /// Returns a request with these parents to include, or with the error to report once the resource is known to
    /// exist.
    pub(crate) fn new(include: Result<Include, ApiError>) -> Self {
        Self { include }
    }

    /// Returns the parents to include. Call it once the resource is known to exist.
    ///
    /// # Errors
    ///
    /// Fails if the parameter `include` is wrong and the edition reports that after a missing resource.
    pub fn include(&self) -> Result<Include, ApiError> {
        self.include.clone()
    }
}

impl Default for SingleRequest {
    fn default() -> Self {
        Self::new(Ok(Include::default()))
    }
}

impl Edition {
    /// Returns what the edition serves beside packages, if it does.
    pub fn foundation(self) -> Option<Foundation> {
        match self {
            Self::Of2015 => None,
            Self::Current => Some(Foundation(())),
        }
    }

    /// Returns what the edition serves beside packages.
    ///
    /// # Errors
    ///
    /// Fails with `UnknownRequest` if it serves packages only.
    pub fn require_foundation(self) -> Result<Foundation, ApiError> {
        self.foundation().ok_or(ApiError::UnknownRequest)
    }

    /// Parses the query of `GET /v3/packages`, or of `GET /v3/apps/:guid/packages` if `app` is that guid.
    ///
    /// # Errors
    ///
    /// Fails with the error of this edition if a parameter is wrong.
    pub fn parse_package_list(
        self,
        app: Option<&str>,
        query: &str,
    ) -> Result<PackageListRequest, ApiError> {
        match self {
            Self::Of2015 => of_2015::request::parse_packages(app, query),
            Self::Current => match app {
                None => current::request::parse_packages(query),
                Some(app) => current::request::parse_app_packages(app, query),
            },
        }
    }

    /// Parses the parts of an upload. Returns the files that are not sent.
    ///
    /// # Errors
    ///
    /// Fails with the error of this edition if there is no file, or a part that the edition does not know.
    pub fn parse_upload(self, form: &UploadForm) -> Result<Vec<UploadResource>, ApiError> {
        match self {
            Self::Of2015 => of_2015::upload::parse(form),
            Self::Current => current::upload::parse(form),
        }
    }

    /// Returns the `error` of a package whose file has that fault.
    pub fn upload_error(self, fault: ArchiveFault) -> String {
        match self {
            Self::Of2015 => of_2015::upload::error_of(fault),
            Self::Current => current::upload::error_of(fault),
        }
    }

    /// Returns the document of one page of packages. `send_records` sends the records of the page in their order.
    ///
    /// # Errors
    ///
    /// Fails if `send_records` fails or if a stored value is damaged.
    pub fn package_list(
        self,
        base_url: &BaseUrl,
        request: &ListRequest,
        total: u64,
        send_records: impl FnOnce(&mut RecordSink<'_, Package>) -> Result<(), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Of2015 => of_2015::present::package::list(base_url, request, total, send_records),
            Self::Current => current::present::list_document::list::<Package>(
                current::present::package::write,
                base_url,
                request,
                total,
                send_records,
            ),
        }
    }

    /// Appends the document of one package to `out`.
    ///
    /// # Errors
    ///
    /// Fails if a stored value is damaged.
    pub fn package(
        self,
        base_url: &BaseUrl,
        record: &PackageRecord<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Of2015 => {
                of_2015::present::package::write(base_url, record, out);
                Ok(())
            }
            Self::Current => current::present::package::write(record, base_url, out),
        }
    }

    /// Appends the document of one app to `out`, without its parents.
    ///
    /// # Errors
    ///
    /// Fails if a stored value is damaged.
    pub fn app(
        self,
        base_url: &BaseUrl,
        record: &AppRecord<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Of2015 => {
                of_2015::present::app::write(base_url, record, out);
                Ok(())
            }
            Self::Current => (App::PRESENTATION.write)(record, base_url, out),
        }
    }

    /// Parses the body of a request that changes something.
    ///
    /// # Errors
    ///
    /// Fails with `NotJson` if the body is not a JSON object, and with `Unprocessable` if it holds U+0000.
    pub fn parse_body(self, body: &[u8]) -> Result<Body, ApiError> {
        match self {
            Self::Of2015 | Self::Current => ruby::json_body::parse(body).map(Body),
        }
    }

    /// Whether a body that is not JSON is refused before the caller is authenticated.
    pub fn parses_body_first(self) -> bool {
        match self {
            Self::Of2015 => true,
            Self::Current => false,
        }
    }

    /// Parses a request for a new package. `app` is the guid in the path; empty if the path holds none.
    ///
    /// # Errors
    ///
    /// Fails with the error of this edition if the query or the body is wrong.
    pub fn parse_new_package(
        self,
        app: &str,
        query: &str,
        body: &Body,
    ) -> Result<NewPackage, ApiError> {
        match self {
            Self::Of2015 => of_2015::body::new_package::parse(app, query, &body.0),
            Self::Current => current::body::new_package::parse(query, &body.0),
        }
    }

    /// Parses a request to stage a package. `package` is the guid in the path; empty if the path holds none.
    ///
    /// # Errors
    ///
    /// Fails with the error of this edition if the body is wrong and the edition reports that before a missing package.
    pub fn parse_staging(self, package: &str, body: &Body) -> Result<NewBuild, ApiError> {
        match self {
            Self::Of2015 => Ok(of_2015::body::new_droplet::parse(package, &body.0)),
            Self::Current => current::body::new_build::parse(&body.0),
        }
    }

    /// Returns the document of a build, which `2015` shows as a droplet.
    ///
    /// # Errors
    ///
    /// Fails if a stored value is damaged.
    pub fn build(
        self,
        base_url: &BaseUrl,
        record: &BuildRecord<'_>,
    ) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Of2015 => of_2015::present::droplet::document(base_url, record),
            Self::Current => current::present::build::document(record, base_url),
        }
    }

    /// Returns the answer if there is no build that the caller may read.
    pub fn missing_build(self) -> ApiError {
        match self {
            Self::Of2015 => ApiError::NotFound(Droplet::NOT_FOUND),
            Self::Current => ApiError::NotFound(Build::NOT_FOUND),
        }
    }

    /// Returns how packages are deleted.
    pub fn deletion(self) -> Deletion {
        match self {
            Self::Of2015 => Deletion::AtOnce,
            Self::Current => Deletion::ByJob,
        }
    }

    /// Returns the document of an error. See `docs/reference/errors.md#envelopes`.
    pub fn error(self, error: &ApiError) -> Vec<u8> {
        match self {
            Self::Of2015 => of_2015::error::document(error),
            Self::Current => current::error::document(error),
        }
    }

    /// Whether hrefs begin with scheme and host.
    pub fn has_absolute_hrefs(self) -> bool {
        match self {
            Self::Of2015 => false,
            Self::Current => true,
        }
    }

    /// Returns the OpenAPI 3.1 document of the edition's routes.
    pub fn openapi(self) -> &'static [u8] {
        match self {
            Self::Of2015 => include_bytes!("edition/of_2015/openapi.json"),
            Self::Current => current::openapi::document(),
        }
    }

    /// Returns whether an app or a package of a suspended organization is found by its guid. Lists show it in both
    /// editions. See `docs/reference/access.md#suspended-organizations`.
    pub fn suspended_organizations(self) -> SuspendedOrganizations {
        match self {
            Self::Of2015 => SuspendedOrganizations::Hidden,
            Self::Current => SuspendedOrganizations::Shown,
        }
    }

    /// Returns the scopes and the space roles that may read. See `docs/reference/access.md#visibility`.
    pub fn access_rules(self) -> &'static AccessRules {
        match self {
            Self::Of2015 => &of_2015::ACCESS_RULES,
            Self::Current => &current::ACCESS_RULES,
        }
    }
}

/// A resource that [`Foundation`] presents.
pub trait Presented: Resource + Sized {
    /// How it is requested and presented.
    const PRESENTATION: current::Presentation<Self>;
}

/// What an edition serves beside packages: organizations, spaces, apps and the root documents.
///
/// Only [`Edition::foundation`] returns a value, so these methods cannot be called for an edition that lacks them.
#[derive(Clone, Copy, Debug)]
pub struct Foundation(());

impl Foundation {
    /// The version of the API, which `GET /` shows.
    pub const API_VERSION: &'static str = current::present::root_documents::API_VERSION;

    /// Parses what to change of a package.
    ///
    /// # Errors
    ///
    /// Fails if the body is wrong.
    pub fn parse_package_update(self, body: &Body) -> Result<UpdatePackage, ApiError> {
        current::body::update_package::parse(&body.0)
    }

    /// Parses the query of a list.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong.
    pub fn parse_list<R: Presented>(self, query: &str) -> Result<ListRequest, ApiError> {
        let current::Presentation {
            path, parameters, ..
        } = R::PRESENTATION;
        current::request::parse_list::<R>(parameters, path, query)
    }

    /// Parses the query of the list of all droplets, or of those of `parent`.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong.
    pub fn parse_droplet_list(
        self,
        parent: Option<DropletParent>,
        query: &str,
    ) -> Result<DropletListRequest, ApiError> {
        current::request::parse_droplets(parent, query)
    }

    /// Returns the document of one page of droplets. `send_records` sends the records of the page in their order.
    ///
    /// # Errors
    ///
    /// Fails if `send_records` fails or if a stored value is damaged.
    pub fn droplet_list(
        self,
        base_url: &BaseUrl,
        request: &ListRequest,
        total: u64,
        send_records: impl FnOnce(&mut RecordSink<'_, Droplet>) -> Result<(), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let write = current::present::droplet::write_listed;
        current::present::list_document::list::<Droplet>(
            write,
            base_url,
            request,
            total,
            send_records,
        )
    }

    /// Returns the document of the features of the app with that guid.
    pub fn app_features(self, base_url: &BaseUrl, guid: &str) -> Vec<u8> {
        current::present::features::of_app(base_url, guid)
    }

    /// Returns the document of a feature of an app, if there is one of that name.
    pub fn app_feature(self, name: &str) -> Option<Vec<u8>> {
        current::present::features::one_of_app(name)
    }

    /// Returns the document of the features of a space.
    pub fn space_features(self) -> Vec<u8> {
        current::present::features::of_space()
    }

    /// Returns the document of a feature of a space, if there is one of that name.
    pub fn space_feature(self, name: &str) -> Option<Vec<u8>> {
        current::present::features::one_of_space(name)
    }

    /// Returns the document that says whether a shell can be opened in an app.
    pub fn ssh_status(self) -> Vec<u8> {
        current::present::features::ssh_status()
    }

    /// Returns the document of the environment of an app.
    pub fn app_env(
        self,
        base_url: &BaseUrl,
        app: &AppOfSpace,
        system: SystemEnvironment,
    ) -> Vec<u8> {
        current::present::environment::env(base_url, app, system)
    }

    /// Returns the document of the variables that users set for an app.
    pub fn environment_variables(self, base_url: &BaseUrl, app_guid: &str) -> Vec<u8> {
        current::present::environment::variables(base_url, app_guid)
    }

    /// Returns the document of the relationship `name`, to nothing, of the record with that guid.
    pub fn no_relationship<R: Presented>(
        self,
        base_url: &BaseUrl,
        guid: &str,
        name: &str,
    ) -> Vec<u8> {
        current::present::no_relationship(base_url, R::PRESENTATION.path, guid, name)
    }

    /// Parses the query of the list of users.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong.
    pub fn parse_user_list(self, query: &str) -> Result<ListRequest, ApiError> {
        current::request::parse_users(query)
    }

    /// Returns the document of one page of users.
    pub fn user_list(
        self,
        base_url: &BaseUrl,
        request: &ListRequest,
        found: &Members<NamedUser>,
    ) -> Vec<u8> {
        current::present::member::user_list(base_url, request, found)
    }

    /// Returns the documents of users, as a JSON array.
    pub fn user_array(self, base_url: &BaseUrl, users: &[NamedUser]) -> Vec<u8> {
        current::present::member::user_array(base_url, users)
    }

    /// Returns the document of one user.
    pub fn user(self, base_url: &BaseUrl, user: &NamedUser) -> Vec<u8> {
        current::present::member::user(base_url, user)
    }

    /// Parses the query of the list of roles.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong.
    pub fn parse_role_list(self, query: &str) -> Result<ListRequest, ApiError> {
        current::request::parse_roles(query)
    }

    /// Parses the query of `GET` of one role.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong.
    pub fn parse_role(self, query: &str) -> Result<SingleRequest, ApiError> {
        use current::request::{SingleQuery, parameters, parse_single};
        parse_single(SingleQuery::IncludeBeforeRecord, &parameters::ROLES, query)
    }

    /// Returns the document of one page of roles.
    pub fn role_list(
        self,
        base_url: &BaseUrl,
        request: &ListRequest,
        found: &Members<HeldRole>,
    ) -> Vec<u8> {
        current::present::member::role_list(base_url, request, found)
    }

    /// Returns the document of one role.
    pub fn role(self, base_url: &BaseUrl, role: &HeldRole) -> Vec<u8> {
        current::present::member::role(base_url, role)
    }

    /// Parses the query of the list of organization quotas.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong.
    pub fn parse_quota_list(self, query: &str) -> Result<ListRequest, ApiError> {
        current::request::parse_quotas(query)
    }

    /// Returns the document of the quota of these organizations.
    pub fn quota(self, base_url: &BaseUrl, organizations: &[String]) -> Vec<u8> {
        current::present::organization_quota::document(base_url, organizations)
    }

    /// Returns the document of a list whose page holds the quota of these organizations, if they are given.
    pub fn quota_list(
        self,
        base_url: &BaseUrl,
        request: &ListRequest,
        total: u64,
        organizations: Option<&[String]>,
    ) -> Vec<u8> {
        current::present::organization_quota::list(base_url, request, total, organizations)
    }

    /// Parses the query of the list of all processes, or of those of one app.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong.
    pub fn parse_process_list(
        self,
        app: Option<String>,
        query: &str,
    ) -> Result<ProcessListRequest, ApiError> {
        current::request::parse_processes(app, query)
    }

    /// Returns the document of one page of processes. `send_records` sends the apps of the page in their order.
    ///
    /// # Errors
    ///
    /// Fails if `send_records` fails.
    pub fn process_list(
        self,
        base_url: &BaseUrl,
        request: &ProcessListRequest,
        total: u64,
        send_records: impl FnOnce(&mut RecordSink<'_, Process>) -> Result<(), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let ProcessListRequest {
            list, instances, ..
        } = request;
        current::present::process::list(base_url, list, total, *instances, send_records)
    }

    /// Parses the query of `GET` of one process.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong.
    pub fn parse_process(self, query: &str) -> Result<ProcessInstances, ApiError> {
        current::request::parse_process(query)
    }

    /// Appends the document of the process of `app` to `out`.
    pub fn process(
        self,
        base_url: &BaseUrl,
        app: &AppRecord<'_>,
        command: StartCommand,
        instances: ProcessInstances,
        out: &mut Vec<u8>,
    ) {
        current::present::process::write(app, base_url, command, instances, out);
    }

    /// Returns the document of the statistics of a process.
    pub fn process_stats(self) -> Vec<u8> {
        current::present::process::stats()
    }

    /// Returns the document of the instances of the process with that guid.
    pub fn process_instances(self, base_url: &BaseUrl, guid: &str) -> Vec<u8> {
        current::present::process::instances(base_url, guid)
    }

    /// Returns the routes to what does not exist here.
    pub fn empty_routes(self) -> &'static [EmptyRoute] {
        current::empty::EMPTY_ROUTES
    }

    /// Parses a request for what does not exist here. `guid` is that in the path.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong and the route reports that before a missing parent.
    pub fn parse_empty(
        self,
        route: &EmptyRoute,
        guid: &str,
        query: &str,
    ) -> Result<EmptyRequest, ApiError> {
        current::request::parse_empty(route, guid, query)
    }

    /// Returns the document of a list that is empty.
    pub fn empty_list(self, base_url: &BaseUrl, request: &EmptyListRequest) -> Vec<u8> {
        current::present::list_document::empty(base_url, &request.list, &request.included)
    }

    /// Parses the query of `GET` by guid.
    ///
    /// # Errors
    ///
    /// Fails if a parameter is wrong and the resource reports that before a missing record.
    pub fn parse_single<R: Presented>(self, query: &str) -> Result<SingleRequest, ApiError> {
        let current::Presentation {
            single_query,
            parameters,
            ..
        } = R::PRESENTATION;
        current::request::parse_single(single_query, parameters, query)
    }

    /// Returns the document of one page of a list. `send_records` sends the records of the page in their order.
    ///
    /// # Errors
    ///
    /// Fails if `send_records` fails.
    pub fn list<R: Presented>(
        self,
        base_url: &BaseUrl,
        request: &ListRequest,
        total: u64,
        send_records: impl FnOnce(&mut RecordSink<'_, R>) -> Result<(), StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let write = R::PRESENTATION.write;
        current::present::list_document::list::<R>(write, base_url, request, total, send_records)
    }

    /// Appends the document of one record to `out`.
    ///
    /// # Errors
    ///
    /// Fails if a stored value is damaged.
    pub fn single<R: Presented>(
        self,
        base_url: &BaseUrl,
        record: &R::Record<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        (R::PRESENTATION.write)(record, base_url, out)
    }

    /// Appends the documents of records to `out`, as a JSON array.
    ///
    /// # Errors
    ///
    /// Fails if `send_records` fails.
    pub fn array<R: Presented>(
        self,
        base_url: &BaseUrl,
        send_records: impl FnOnce(&mut RecordSink<'_, R>) -> Result<(), StoreError>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let write = R::PRESENTATION.write;
        current::present::list_document::array::<R>(write, base_url, send_records, out)
    }

    /// Adds the member `included` at the end of a document. `included` holds names and arrays in the order in which
    /// they are shown. See `docs/reference/organizations-spaces-apps.md#include`.
    pub fn insert_included(self, document: &mut Vec<u8>, included: &[(&str, Vec<u8>)]) {
        current::present::list_document::insert_included(document, included);
    }

    /// Returns the document of one job. `has_package` says whether the package that it deletes exists.
    pub fn job(self, base_url: &BaseUrl, record: &JobRecord<'_>, has_package: bool) -> Vec<u8> {
        current::present::job::document(record, base_url, has_package)
    }

    /// Returns the document of `GET /`. See `docs/reference/root-documents.md#get-`.
    pub fn root(self, base_url: &BaseUrl) -> Vec<u8> {
        current::present::root_documents::root(base_url)
    }

    /// Returns the document of `GET /v3`. See `docs/reference/root-documents.md#get-v3`.
    pub fn v3(self, base_url: &BaseUrl) -> Vec<u8> {
        current::present::root_documents::v3(base_url)
    }

    /// Returns the document of `GET /v3/info`. See `docs/reference/root-documents.md#get-v3info`.
    pub fn info(self, base_url: &BaseUrl) -> Vec<u8> {
        current::present::root_documents::info(base_url)
    }
}

#[cfg(test)]
mod tests;
