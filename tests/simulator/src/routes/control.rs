//! The HTTP twin of [`Control`].

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::control::Control;
use crate::counters::Counters;
use crate::log::LogEntry;
use crate::order::Order;
use crate::world::Shared;

/// Everything below `/control`.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/counters", get(counters))
        .route("/log", get(log))
        .route("/vehicles", get(vehicles))
        .route("/{order}", post(order))
}

async fn counters(State(shared): State<Arc<Shared>>) -> Json<Counters> {
    Json(Control::new(shared).counters())
}

async fn log(State(shared): State<Arc<Shared>>) -> Json<Vec<LogEntry>> {
    Json(Control::new(shared).log())
}

async fn vehicles(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let world = shared.world();
    let rows = world.vehicles.iter().map(|vehicle| {
        json!({
            "id": vehicle.config.id,
            "nickname": vehicle.config.nickname,
            "ccs2": vehicle.config.ccs2,
            "reachable": vehicle.reachable,
            "state": vehicle.state,
        })
    });
    Json(Value::Array(rows.collect()))
}

async fn order(
    State(shared): State<Arc<Shared>>,
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
    let control = Control::new(shared);
    control.apply(order).map_err(|error| bad(error.to_string()))?;
    Ok(Json(control.counters()))
}
