//! Every route, in one list.
//!
//! A new route is one line in [`routes`]. `HEAD` is answered where `GET` is. Every other request, wrong methods
//! included, gets 404 `Unknown request`; in `current`, the text for one that writes says what is served.

use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::filters::path::FullPath;
use warp::http::Method;
use warp::{Filter, Rejection};

use super::request::RequestBody;
use super::upload::{self, largest_body};
use super::{
    Request, Response, admin, apps, builds, collections, download, droplets, empty, environment,
    features, info, isolation_segments, jobs, login, metrics, packages, processes, quotas,
    response, roles, ui, users,
};
use crate::edition::EmptyRoute;
use crate::error::ApiError;
use crate::records::{App, Droplet, Organization, Space};
use crate::service::{AdminApi, Service};

/// The limit of request bodies that hold a form or a small JSON document, in bytes.
const SMALL: usize = 64 << 10;
/// The limit of a JSON document of the API, in bytes. 200 annotations of 5000 characters fit.
const JSON: usize = 4 << 20;
/// The limit of a seed, in bytes.
const SEED: usize = 256 << 20;

/// The text of the 404 for a request that writes. `cf` shows it; it shows other words for the text `Unknown request`.
const NO_SUCH_WRITE: &str = "Unknown request: cf-packages serves packages, and only reads what is around them; `GET /openapi.json` and docs/reference/served-routes.md say what it serves";

/// The segment of a path that is a name.
type Name = String;
/// The segment of a path that is the type of a process.
type Type = String;

/// The path of a route: the filter that matches it, and its text.
struct Path<F> {
    filter: F,
    /// The segments as Rust writes them.
    segments: &'static str,
}

/// Returns the [`Path`] of these segments. It is a macro because `warp::path!` is one.
macro_rules! path {
    ($($segments:tt)*) => {
        Path { filter: warp::path!($($segments)*), segments: stringify!($($segments)*) }
    };
}

impl<F> Path<F> {
    /// Returns the text, such as `/v3/packages/:guid`.
    fn text(&self) -> Arc<str> {
        let segments = self
            .segments
            .split('/')
            .map(|segment| match segment.trim() {
                "String" => ":guid",
                "Name" => ":name",
                "Type" => ":type",
                literal => literal.trim_matches('"'),
            });
        format!("/{}", segments.collect::<Vec<_>>().join("/")).into()
    }
}

impl<F: Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static> Path<F> {
    /// Returns the path as one that holds a guid, which is empty.
    fn with_guid(
        self,
    ) -> Path<impl Filter<Extract = (String,), Error = Rejection> + Clone + Send + Sync + 'static>
    {
        Path {
            filter: self.filter.map(String::new),
            segments: self.segments,
        }
    }
}

/// Returns all routes of `service`: those of its edition, and the admin API if it is on.
#[rustfmt::skip] // One line per route.
pub(super) fn routes(service: &Arc<Service>) -> BoxedFilter<(Response,)> {
    let mut routes = Routes::new(service);

    routes.get(path!("v3" / "packages"), packages::list);
    routes.get_by_guid(path!("v3" / "packages" / String), packages::one);
    routes.get_by_guid(path!("v3" / "packages" / String / "download"), download::download);
    routes.get_by_guid(path!("v3" / "apps" / String / "packages"), packages::of_app);
    routes.by_guid(Method::DELETE, path!("v3" / "packages" / String), packages::delete);
    routes.with_body_by_guid(Method::POST, path!("v3" / "packages" / String / "upload"), largest_body(service.max_upload), upload::upload);
    if service.ui {
        routes.get(path!(), ui::root);
        routes.get(path!("ui" / "config"), ui::config);
        routes.get_by_guid(path!("ui" / Name), ui::file);
    }
    routes.get(path!("healthz"), info::healthz);
    routes.get(path!("openapi.json"), info::openapi);
    // Without `--login` these two answer 404 with a text that names the flag.
    routes.get(path!("login"), login::prompts);
    routes.with_body(Method::POST, path!("oauth" / "token"), SMALL, login::token);

    if let Some(foundation) = service.edition.foundation() {
        routes.get(path!(), info::root);
        routes.get(path!("v3"), info::v3);
        routes.get(path!("v3" / "info"), info::info);
        routes.get(path!("v3" / "organizations"), collections::list::<Organization>);
        routes.get_by_guid(path!("v3" / "organizations" / String), collections::one::<Organization>);
        routes.get(path!("v3" / "spaces"), collections::list::<Space>);
        routes.get_by_guid(path!("v3" / "spaces" / String), collections::one::<Space>);
        routes.get(path!("v3" / "apps"), collections::list::<App>);
        routes.get_by_guid(path!("v3" / "apps" / String), collections::one::<App>);
        routes.with_body_by_guid(Method::PATCH, path!("v3" / "apps" / String / "relationships" / "current_droplet"), SMALL, apps::assign_droplet);
        routes.with_body(Method::POST, path!("v3" / "packages"), JSON, packages::create_at_root);
        routes.with_body_by_guid(Method::PATCH, path!("v3" / "packages" / String), JSON, packages::update);
        routes.get_by_guid(path!("v3" / "jobs" / String), jobs::one);
        routes.with_body(Method::POST, path!("v3" / "builds"), JSON, builds::create);
        routes.get_by_guid(path!("v3" / "builds" / String), builds::one);
        routes.get(path!("v3" / "droplets"), droplets::list);
        routes.get_by_guid(path!("v3" / "droplets" / String), collections::one::<Droplet>);
        routes.get_by_guid(path!("v3" / "packages" / String / "droplets"), droplets::of_package);
        routes.get_by_guid(path!("v3" / "apps" / String / "droplets"), droplets::of_app);
        routes.get(path!("v3" / "processes"), processes::list);
        routes.get_by_guid(path!("v3" / "processes" / String), processes::one);
        routes.get_by_guid(path!("v3" / "processes" / String / "stats"), processes::stats);
        routes.get_by_guid(path!("v3" / "processes" / String / "process_instances"), processes::instances);
        routes.get_by_guid(path!("v3" / "apps" / String / "processes"), processes::of_app);
        routes.get_by_name(path!("v3" / "apps" / String / "processes" / Type), processes::of_type);
        routes.get_by_name(path!("v3" / "apps" / String / "processes" / Type / "stats"), processes::stats_of_type);
        routes.get_by_guid(path!("v3" / "apps" / String / "features"), features::of_app);
        routes.get_by_name(path!("v3" / "apps" / String / "features" / Name), features::one_of_app);
        routes.get_by_guid(path!("v3" / "apps" / String / "ssh_enabled"), features::ssh_of_app);
        routes.get_by_guid(path!("v3" / "apps" / String / "env"), environment::env);
        routes.get_by_guid(path!("v3" / "apps" / String / "environment_variables"), environment::variables);
        routes.get_by_guid(path!("v3" / "spaces" / String / "features"), features::of_space);
        routes.get_by_name(path!("v3" / "spaces" / String / "features" / Name), features::one_of_space);
        routes.get_by_guid(path!("v3" / "spaces" / String / "relationships" / "isolation_segment"), isolation_segments::of_space);
        routes.get_by_guid(path!("v3" / "organizations" / String / "relationships" / "default_isolation_segment"), isolation_segments::of_organization);
        routes.get(path!("v3" / "users"), users::list);
        routes.get_by_guid(path!("v3" / "users" / String), users::one);
        routes.get(path!("v3" / "roles"), roles::list);
        routes.get_by_guid(path!("v3" / "roles" / String), roles::one);
        routes.get(path!("v3" / "organization_quotas"), quotas::list);
        routes.get_by_guid(path!("v3" / "organization_quotas" / String), quotas::one);
        routes.of_nothing(foundation.empty_routes());
    } else {
        routes.get_by_guid(path!("v3" / "apps" / String), apps::one);
        routes.with_body_by_guid(Method::PUT, path!("v3" / "apps" / String / "current_droplet"), SMALL, apps::assign_droplet);
        routes.with_body_by_guid(Method::POST, path!("v3" / "apps" / String / "packages"), JSON, packages::create);
        routes.with_body_by_guid(Method::POST, path!("v3" / "packages" / String / "droplets"), JSON, builds::stage);
        routes.get_by_guid(path!("v3" / "droplets" / String), builds::one);
    }

    if service.admin_api != AdminApi::Off {
        routes.with_body(Method::POST, path!("admin" / "seed"), SEED, admin::seed);
        routes.with_body(Method::POST, path!("admin" / "reset"), SMALL, admin::reset);
        routes.with_body_by_guid(Method::POST, path!("admin" / "builds" / String), SMALL, admin::end_build);
        routes.get(path!("admin" / "export"), admin::export);
        routes.get(path!("admin" / "clock"), admin::show_clock);
        routes.with_body(Method::PUT, path!("admin" / "clock"), SMALL, admin::set_clock);
        routes.get(path!("admin" / "faults"), admin::list_fault_rules);
        routes.with_body(Method::POST, path!("admin" / "faults"), SMALL, admin::add_fault_rule);
        routes.with_body(Method::DELETE, path!("admin" / "faults"), SMALL, admin::clear_fault_rules);
        routes.with_body(Method::POST, path!("admin" / "token"), SMALL, admin::tokens::sign);
        routes.get(path!("admin" / "requests"), admin::requests::list);
        routes.get(path!("admin" / "requests" / "count"), admin::requests::count);
        routes.with_body(Method::DELETE, path!("admin" / "requests"), SMALL, admin::requests::clear);
    }

    routes.or_unknown()
}

/// Returns the routes of the listener of `--metrics`.
pub(super) fn metrics_routes(service: &Arc<Service>) -> BoxedFilter<(Response,)> {
    let mut routes = Routes::new(service);
    routes.get(path!("metrics"), metrics::show);
    routes.or_unknown()
}

/// Routes in the order in which they are tried.
struct Routes<'a> {
    service: &'a Arc<Service>,
    routes: Vec<BoxedFilter<(Response,)>>,
}

impl<'a> Routes<'a> {
    fn new(service: &'a Arc<Service>) -> Self {
        let routes = Vec::new();
        Self { service, routes }
    }

    /// Adds `GET` and `HEAD` of a fixed path.
    fn get<P, H, A>(&mut self, path: Path<P>, handler: H)
    where
        P: Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static,
        H: Fn(Arc<Service>, Request) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Response, ApiError>> + Send,
    {
        self.get_by_guid(path.with_guid(), move |service, request, _| {
            handler(service, request)
        });
    }

    /// Adds `GET` and `HEAD` of a path that holds a guid.
    fn get_by_guid<P, H, A>(&mut self, path: Path<P>, handler: H)
    where
        P: Filter<Extract = (String,), Error = Rejection> + Clone + Send + Sync + 'static,
        H: Fn(Arc<Service>, Request, String) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Response, ApiError>> + Send,
    {
        self.without_body(
            path,
            |method| matches!(*method, Method::GET | Method::HEAD),
            handler,
        );
    }

    /// Adds `GET` and `HEAD` of a path that holds a guid and a name.
    fn get_by_name<P, H, A>(&mut self, path: Path<P>, handler: H)
    where
        P: Filter<Extract = (String, Name), Error = Rejection> + Clone + Send + Sync + 'static,
        H: Fn(Arc<Service>, Request, String, Name) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Response, ApiError>> + Send,
    {
        // A segment holds no slash.
        let path = Path {
            filter: path.filter.map(|guid, name| format!("{guid}/{name}")),
            segments: path.segments,
        };
        self.get_by_guid(path, move |service, request, both: String| {
            let (guid, name) = both.split_once('/').unwrap_or_default();
            handler(service, request, guid.to_owned(), name.to_owned())
        });
    }

    /// Adds another method of a path that holds a guid. A body is not looked at.
    fn by_guid<P, H, A>(&mut self, wanted: Method, path: Path<P>, handler: H)
    where
        P: Filter<Extract = (String,), Error = Rejection> + Clone + Send + Sync + 'static,
        H: Fn(Arc<Service>, Request, String) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Response, ApiError>> + Send,
    {
        self.without_body(path, move |method| *method == wanted, handler);
    }

    fn without_body<P, M, H, A>(&mut self, path: Path<P>, is_wanted: M, handler: H)
    where
        P: Filter<Extract = (String,), Error = Rejection> + Clone + Send + Sync + 'static,
        M: Fn(&Method) -> bool + Clone + Send + Sync + 'static,
        H: Fn(Arc<Service>, Request, String) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Response, ApiError>> + Send,
    {
        let (service, text) = (self.service.clone(), path.text());
        let route = path
            .filter
            .and(method(is_wanted))
            .and(warp::ext::get::<Request>())
            .then(move |guid, request: Request| {
                request.note_route(&text);
                let service = service.clone();
                let answer = handler(service.clone(), request.clone(), guid);
                async move {
                    let answer = answer.await;
                    answer.unwrap_or_else(|error| response::error(&service, &request, &error))
                }
            });
        self.routes.push(route.boxed());
    }

    /// Adds `GET` and `HEAD` of the paths to what does not exist here, as one route.
    fn of_nothing(&mut self, rows: &'static [EmptyRoute]) {
        let texts: Arc<[Arc<str>]> = rows
            .iter()
            .map(|row| format!("/{}", row.path).into())
            .collect();
        let row = warp::path::full().and_then(move |path: FullPath| {
            let row = rows.iter().enumerate().find_map(|(index, row)| {
                row.guid_in(path.as_str())
                    .map(|guid| (index, guid.to_owned()))
            });
            async move { row.ok_or_else(warp::reject::not_found) }
        });
        let service = self.service.clone();
        let route = row
            .and(method(|method| {
                matches!(*method, Method::GET | Method::HEAD)
            }))
            .and(warp::ext::get::<Request>())
            .then(move |(index, guid): (usize, String), request: Request| {
                request.note_route(&texts[index]);
                let service = service.clone();
                async move {
                    let answer =
                        empty::answer(service.clone(), request.clone(), &rows[index], guid).await;
                    answer.unwrap_or_else(|error| response::error(&service, &request, &error))
                }
            });
        self.routes.push(route.boxed());
    }

    /// Adds a fixed path with a request body of at most `limit` bytes.
    fn with_body<P, H, A>(&mut self, wanted: Method, path: Path<P>, limit: usize, handler: H)
    where
        P: Filter<Extract = (), Error = Rejection> + Clone + Send + Sync + 'static,
        H: Fn(Arc<Service>, Request, RequestBody) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Response, ApiError>> + Send,
    {
        let path = path.with_guid();
        self.with_body_by_guid(wanted, path, limit, move |service, request, _, body| {
            handler(service, request, body)
        });
    }

    /// Adds a path that holds a guid, with a request body of at most `limit` bytes.
    fn with_body_by_guid<P, H, A>(
        &mut self,
        wanted: Method,
        path: Path<P>,
        limit: usize,
        handler: H,
    ) where
        P: Filter<Extract = (String,), Error = Rejection> + Clone + Send + Sync + 'static,
        H: Fn(Arc<Service>, Request, String, RequestBody) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Response, ApiError>> + Send,
    {
        let (service, text) = (self.service.clone(), path.text());
        let route = path
            .filter
            .and(method(move |method| *method == wanted))
            .and(warp::ext::get::<Request>())
            .and(warp::body::stream())
            .then(move |guid, request: Request, body| {
                request.note_route(&text);
                let service = service.clone();
                let body = RequestBody::of(&request, body, limit);
                let answer = handler(service.clone(), request.clone(), guid, body);
                async move {
                    let answer = answer.await;
                    answer.unwrap_or_else(|error| response::error(&service, &request, &error))
                }
            });
        self.routes.push(route.boxed());
    }

    /// Returns the routes as one filter, whose last route answers 404.
    fn or_unknown(self) -> BoxedFilter<(Response,)> {
        let service = self.service.clone();
        let names_routes = service.edition.foundation().is_some();
        let unknown = warp::ext::get::<Request>()
            .map(move |request: Request| {
                let reads = matches!(
                    *request.method(),
                    Method::GET | Method::HEAD | Method::OPTIONS
                );
                let error = match names_routes && !reads {
                    true => ApiError::NotServed(NO_SUCH_WRITE),
                    false => ApiError::UnknownRequest,
                };
                response::error(&service, &request, &error)
            })
            .boxed();
        let last_to_first = self.routes.into_iter().rev();
        last_to_first.fold(unknown, |others, route| route.or(others).unify().boxed())
    }
}

/// Returns a filter that passes requests whose method `is_wanted`. Others go on to the next route, so that a wrong
/// method of a known path is answered as an unknown path is.
fn method(
    is_wanted: impl Fn(&Method) -> bool + Clone + Send + Sync + 'static,
) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::method()
        .and_then(move |method: Method| {
            let wanted = is_wanted(&method);
            async move { wanted.then_some(()).ok_or_else(warp::reject::not_found) }
        })
        .untuple_one()
}
