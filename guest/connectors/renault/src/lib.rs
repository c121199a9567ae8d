//! The connector for Renault and Dacia. Nothing of it is written yet.
