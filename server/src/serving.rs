//! Listening, background work, and a stop that loses nothing.

use std::{
    net::TcpListener,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware::from_fn, web};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::{config::Config, house::House, jobs, pacing, routes, visit};

/// In-flight requests get this long after SIGTERM (R71).
const DRAIN_SECONDS: u64 = 25;
/// A request's head must arrive within this (R69).
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const CONNECTIONS_MOST: usize = 10_000;

/// Starts logs as configured, once.
pub fn start_logs(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let _ = if config.log_json { logs.json().try_init() } else { logs.try_init() };
}

/// The recorder behind `/metrics`: one for the process, however many houses it has.
pub fn start_metrics() -> PrometheusHandle {
    static STARTED: OnceLock<PrometheusHandle> = OnceLock::new();
    let start = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let _ = metrics::set_global_recorder(recorder);
        handle
    };
    STARTED.get_or_init(start).clone()
}

/// Binds first, so that a port of 0 is known before anything is printed.
pub fn bind(listen: &str) -> Result<TcpListener, String> {
    TcpListener::bind(listen).map_err(|e| {
        format!("cannot listen on {listen}: {e}. Stop what listens there, or use --listen")
    })
}

/// Serves until SIGTERM or Ctrl-C.
pub async fn serve(house: Arc<House>, listener: TcpListener) -> Result<(), String> {
    pacing::log_panics_by_place();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let background = jobs::start(house.clone());
    let data = web::Data::from(house.clone());
    let server = HttpServer::new(move || {
        let is_demo = data.demo.is_some();
        App::new()
            .app_data(data.clone())
            .wrap(from_fn(visit::visit))
            .configure(routes::configure)
            .configure(move |config| {
                if is_demo {
                    routes::configure_demo(config);
                }
            })
    })
    .workers(workers)
    .max_connections(CONNECTIONS_MOST)
    .client_request_timeout(HEAD_TIMEOUT)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(DRAIN_SECONDS)
    .listen(listener)
    .map_err(|e| format!("cannot listen: {e}"))?
    .run();
    let outcome = server.await.map_err(|e| format!("the server stopped: {e}"));
    background.stop().await;
    house.store.close().await;
    outcome
}

/// Serves the same routes beside its caller until it is stopped, without the background work: the
/// simulation and the tests take those steps themselves.
pub fn serve_in_background(
    house: Arc<House>,
    listener: TcpListener,
) -> Result<ServerHandle, String> {
    let data = web::Data::from(house);
    let server = HttpServer::new(move || {
        App::new().app_data(data.clone()).wrap(from_fn(visit::visit)).configure(routes::configure)
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .map_err(|e| format!("cannot listen: {e}"))?
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}
