//! The HTTP twin of [`Control`], on a listener of its own.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::control::Control;
use crate::counters::Counters;
use crate::order::Order;
use crate::world::Shared;

/// All orders.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/counters", get(|State(control): State<Control>| async move { Json(control.counters()) }))
        .route("/log", get(|State(control): State<Control>| async move { Json(control.log()) }))
        .route("/violations", get(|State(control): State<Control>| async move { Json(control.violations()) }))
        .route("/mails", get(|State(control): State<Control>| async move { Json(control.mails()) }))
        .route("/vehicles", get(vehicles))
        .route("/account", get(account))
        .route("/{order}", post(order))
        .with_state(Control::new(shared))
}

async fn vehicles(State(control): State<Control>) -> Json<Value> {
    let world = control.shared().world();
    let rows = world.accounts.iter().flat_map(|account| {
        account.cars.iter().map(|car| {
            json!({
                "account": account.config.id,
                "vin": car.config.vin,
                "model": car.config.model,
                "brand": car.config.brand,
                "state": car.state,
            })
        })
    });
    Json(Value::Array(rows.collect()))
}

/// What a client has to be told to get in.
async fn account(State(control): State<Control>) -> Json<Value> {
    let world = control.shared().world();
    let config = &world.config;
    Json(json!({
        "gigya_key": config.gigya_key,
        "kamereon_key": config.kamereon_key,
        "username": config.username,
        "password": config.password,
        "person": config.person_id,
    }))
}

async fn order(
    State(control): State<Control>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Counters>, (StatusCode, Json<Value>)> {
    let bad = |error: String| (StatusCode::BAD_REQUEST, Json(json!({ "error": error })));
    let fields: Value = if body.is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?
    };
    let tagged = Value::Object(Map::from_iter([(name, fields)]));
    let order: Order = serde_json::from_value(tagged).map_err(|error| bad(error.to_string()))?;
    control.apply(order).map_err(|error| bad(error.to_string()))?;
    Ok(Json(control.counters()))
}
