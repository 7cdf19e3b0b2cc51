//! Every address of the server on one page, with who may use it. The authorization matrix in
//! `end2end` is generated from [`TABLE`]: a route that is not in it does not exist.

use actix_web::web::{self, ServiceConfig};
use domain::staff::Permission as P;

use crate::{actions, api, pages, sandbox_pages, webhooks};

/// Who a route answers. Handlers enforce it themselves; the matrix proves that they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Anyone,
    /// A valid pay pass, from a link.
    PayPass,
    /// A signed-in patient.
    Patient,
    /// A sign-in or first start that is half-way.
    HalfWay,
    /// Staff whose role has this permission.
    Staff(P),
    /// A vendor that signs.
    Vendor,
    ApiKey,
    /// Registered in the demo alone.
    Demo,
}

#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

macro_rules! routes {
    ($table:ident, $configure:ident; $($method:ident $path:literal $access:expr => $handler:path;)*) => {
        pub const $table: &[Route] = &[
            $(Route { method: stringify!($method), path: $path, access: $access },)*
        ];

        pub fn $configure(config: &mut ServiceConfig) {
            $(config.route($path, web::$method().to($handler));)*
        }
    };
}

use Access::{Anyone, ApiKey, Demo, HalfWay, Patient, PayPass, Staff, Vendor};

routes! { TABLE, configure;
    get "/healthz" Anyone => pages::health::alive;
    get "/readyz" Anyone => pages::health::ready;
    get "/metrics" Anyone => pages::health::metrics;
    get "/assets/{file}" Anyone => pages::assets::get;
    get "/staff/sign-in" Anyone => actions::staff_sign_in::get;
    post "/staff/sign-in" Anyone => actions::staff_sign_in::post;
    get "/staff/sign-in/code" HalfWay => actions::staff_sign_in::get_code;
    post "/staff/sign-in/code" HalfWay => actions::staff_sign_in::post_code;
    post "/staff/sign-out" Staff(P::View) => actions::staff_sign_in::sign_out;
    post "/webhooks/stripe/{practice}" Vendor => webhooks::stripe::post;
    post "/webhooks/twilio/{practice}/sms" Vendor => webhooks::twilio::reply;
    post "/webhooks/twilio/{practice}/status" Vendor => webhooks::twilio::status;
    get "/api/v1/openapi.json" Anyone => api::openapi;
    post "/api/v1/imports" ApiKey => api::imports::post;
    get "/api/v1/imports/{id}" ApiKey => api::imports::get;
    get "/api/v1/imports/{id}/refusals.csv" ApiKey => api::imports::refusals;
    get "/api/v1/balances" ApiKey => api::balances::list;
    get "/api/v1/payments" ApiKey => api::payments::list;
    post "/api/v1/payments/{id}/posted" ApiKey => api::payments::mark_posted;
    get "/staff/imports" Staff(P::Import) => pages::staff::imports::list;
    post "/staff/imports" Staff(P::Import) => actions::import_file::post;
    get "/staff/imports/{id}" Staff(P::Import) => pages::staff::imports::get;
    get "/staff/imports/{id}/progress" Staff(P::Import) => pages::staff::imports::progress;
    get "/staff/imports/{id}/refused.csv" Staff(P::Import) => pages::staff::imports::report;
    post "/staff/imports/{id}/decide" Staff(P::AcceptHeldImport) => actions::import_file::decide;
    get "/staff/audit" Staff(P::ReadAudit) => pages::staff::audit::get;
    get "/staff/audit/export.csv" Staff(P::ReadAudit) => pages::staff::audit::export;
    post "/language" Anyone => actions::choose_language::post;
}

routes! { DEMO_TABLE, configure_demo;
    get "/sandbox/mailbox" Demo => sandbox_pages::mailbox;
    get "/sandbox/clock" Demo => sandbox_pages::clock;
    post "/sandbox/clock" Demo => sandbox_pages::move_clock;
    get "/sandbox/faults" Demo => sandbox_pages::faults;
    post "/sandbox/faults" Demo => sandbox_pages::script_faults;
    delete "/sandbox/faults" Demo => sandbox_pages::clear_faults;
    post "/sandbox/sms" Demo => sandbox_pages::reply;
}
