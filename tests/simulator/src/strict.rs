//! The checks that a request must pass before anything is done for it.
//!
//! In this order, of which only the first thing that is wrong is answered: stamp and application, token, device
//! id, vehicle, protocol header, content type. What no source tells about the real cloud (the answers to a
//! wrong protocol header, vehicle id or content type) is answered in its envelopes with 4002, 4005 or 5921.

mod cci;
mod idp;

pub(crate) use self::cci::seven;
pub(crate) use self::idp::{bad_request, value};
use crate::envelope::{self, Answer, Refused};
use crate::exchange::Incoming;
use crate::region::Region;
use crate::route::{Call, Credential, DirectCall, VehicleCall};
use crate::routes::no_route;
use crate::world::World;

/// What the checks found out.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The registered device id that the request carries; empty on routes that do not want one.
    pub(crate) device: String,
}

/// Checks headers, token and vehicle; the body is the route's business.
pub(crate) fn admit(world: &mut World, incoming: &Incoming) -> Result<Admitted, Refused> {
    let message_id = world.ids.uuid();
    fits(world, incoming)?;
    if !incoming.call.is_served(world.config.region.signs_in_by_json()) {
        return Err(no_route());
    }
    let check = Check { world, incoming, message_id, device: incoming.header("ccsp-device-id") };
    match &incoming.call {
        Call::Idp(call) => idp::admit(world, incoming, *call)?,
        Call::Cci(call) => cci::admit(world, incoming, *call)?,
        Call::Direct(DirectCall::Token) => check.stamp()?,
        Call::Token | Call::Direct(DirectCall::SignIn) | Call::Authorize | Call::Language | Call::Unknown => {
        }
        Call::Register => check.application()?,
        Call::Pin => check.token()?,
        Call::Vehicles => {
            check.session()?;
            check.protocol(0)?;
        }
        Call::Vehicle { id, wants } => {
            check.session()?;
            check.protocol(check.vehicle(id, *wants)?)?;
        }
    }
    check.content_type()?;
    Ok(Admitted { device: check.device.to_owned() })
}

/// Whether the headers are as short as a server takes them.
fn fits(world: &World, incoming: &Incoming) -> Result<(), Refused> {
    let length: usize =
        incoming.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum();
    if length <= world.config.strict.header_limit {
        return Ok(());
    }
    let page = "<html>Request Header Fields Too Large</html>".to_owned();
    Err(refused(format!("{length} bytes of headers"), Answer::raw(431, page, Vec::new())))
}

struct Check<'a> {
    world: &'a World,
    incoming: &'a Incoming,
    message_id: String,
    device: &'a str,
}

impl Check<'_> {
    /// What every request of a signed-in client needs.
    fn session(&self) -> Result<(), Refused> {
        self.application()?;
        self.token()?;
        self.registered()
    }

    /// The stamp, and the two ids that it goes with.
    fn application(&self) -> Result<(), Refused> {
        let client = self.world.config.client();
        if self.world.config.strict.application {
            if self.incoming.header("ccsp-application-id") != client.application_id {
                return Err(self.no_application("wrong ccsp-application-id"));
            }
            if self.incoming.header("ccsp-service-id") != client.service_id {
                return Err(self.no_application("wrong ccsp-service-id"));
            }
        }
        self.stamp()
    }

    /// The stamp alone.
    fn stamp(&self) -> Result<(), Refused> {
        let strict = &self.world.config.strict;
        if strict.stamp {
            let time = self.world.config.client().stamp_time(self.incoming.header("stamp"));
            let time = time.map_err(|error| self.no_application(error.to_string()))?;
            let off = time.abs_diff(self.world.now().as_second());
            if off > strict.stamp_tolerance.as_secs() {
                return Err(self.no_application(format!("stamp is {off} s off")));
            }
        }
        Ok(())
    }

    fn no_application(&self, reason: impl Into<String>) -> Refused {
        self.refuse(reason.into(), "4017", "Invalid request value - Invalid Application Id.")
    }

    fn token(&self) -> Result<(), Refused> {
        let World { session, .. } = self.world;
        let refuse = |reason: &str| self.world.refuse_token(reason);
        let credential = self.incoming.call.credential();
        if credential == Credential::Nothing {
            return Ok(());
        }
        let bearer = self.incoming.bearer("authorization").ok_or_else(|| refuse("no bearer token"))?;
        if credential == Credential::Access {
            return session.access(bearer, self.world.now()).map(|_| ()).map_err(refuse);
        }
        if self.incoming.bearer("authorizationccsp") != Some(bearer) {
            return Err(refuse("Authorization and AuthorizationCCSP differ"));
        }
        session.control(bearer, self.device, self.world.now()).map_err(refuse)
    }

    fn registered(&self) -> Result<(), Refused> {
        if self.world.config.strict.device && !self.world.session.knows_device(self.device) {
            let reason = "device id is not registered".to_owned();
            return Err(self.refuse(reason, "4002", "Invalid request body - Invalid deviceId."));
        }
        Ok(())
    }

    /// The value that the protocol header must have for this call to this vehicle.
    fn vehicle(&self, id: &str, wants: VehicleCall) -> Result<u8, Refused> {
        let Some(vehicle) = self.world.vehicle(id) else {
            let reason = "no such vehicle".to_owned();
            return Err(self.refuse(reason, "4002", "Invalid parameter - Invalid vehicleId."));
        };
        if !wants.fits(vehicle.config.is_ccs2()) {
            let reason = "route of the other kind of car".to_owned();
            return Err(match wants {
                VehicleCall::Command(_) => self.refuse(reason, "4005", "Unsupported control request"),
                _ => self.refuse(reason, "5921", "No Data Found v2 - No Data Found v2."),
            });
        }
        let is_plain = match wants {
            VehicleCall::Park => true,
            // Australia's app reads these as of any car.
            VehicleCall::History => self.world.config.region != Region::Eu,
            _ => false,
        };
        Ok(if is_plain { 0 } else { vehicle.config.ccs2 })
    }

    fn protocol(&self, wanted: u8) -> Result<(), Refused> {
        let given = self.incoming.header("ccuccs2protocolsupport");
        if self.world.config.strict.protocol_header && given != wanted.to_string() {
            let reason = format!("Ccuccs2protocolsupport is {given:?}, not {wanted}");
            return Err(self.refuse(reason, "4002", "Invalid parameter - Ccuccs2protocolsupport."));
        }
        Ok(())
    }

    /// What has a body says that it is JSON. Sign-in and token service check that themselves.
    fn content_type(&self) -> Result<(), Refused> {
        let elsewhere =
            matches!(self.incoming.call, Call::Token | Call::Idp(_) | Call::Cci(_) | Call::Unknown)
                || self.incoming.call == Call::Direct(DirectCall::Token);
        let exempt = self.incoming.method == "GET" || elsewhere;
        let given = self.incoming.header("content-type");
        if exempt || !self.world.config.strict.content_type || given.starts_with("application/json") {
            return Ok(());
        }
        let reason = "Content-Type is not application/json".to_owned();
        Err(match self.incoming.call {
            Call::Pin | Call::Language | Call::Direct(_) => refused(
                reason,
                envelope::account_failure(400, "4002", "Invalid parameters", &self.message_id),
            ),
            _ => self.refuse(reason, "4002", "Invalid request body - Content-Type."),
        })
    }

    fn refuse(&self, reason: String, code: &str, message: &str) -> Refused {
        refused(reason, envelope::spa_failure(code, message, &self.message_id))
    }
}

fn refused(reason: String, answer: Answer) -> Refused {
    Refused::by_check(reason, answer)
}
