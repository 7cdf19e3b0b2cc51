//! The house from outside.
//!
//! What is kept here drives Clearbill only through what it shows to others: its program, its HTTP,
//! its files, and the source itself.
//!
//! * `tests/tidy/` reads the source and keeps the architecture true.
//! * `tests/matrix/` asks every route as everybody, for everybody's things.
//! * `browser/` plays the stories of patients and staff in a real browser against `clearbill demo`,
//!   those of whoever runs the server, and Stripe's own library against the stand-in.
//! * `postgres.sh` gives tests a PostgreSQL cluster to throw away.
//!
//! It refuses to reach into a crate for something a person or a vendor could not see: a rule of one
//! crate is tested in that crate.
