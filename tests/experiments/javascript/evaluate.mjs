// Reads [{payload, users: [attributes, ...]}, ...] and writes, for each user, feature to what the
// SDK makes of it.
import { readFileSync } from "node:fs";
import { GrowthBook } from "@growthbook/growthbook";

function evaluated({ payload, users }) {
  return users.map((attributes) => {
    const gb = new GrowthBook({ attributes }).initSync({ payload });
    const found = Object.keys(payload.features).map((name) => {
      const { value, source, experimentResult } = gb.evalFeature(name);
      const { inExperiment = false, bucket = null, key = null } = experimentResult ?? {};
      return [name, { value, source, inExperiment, bucket, key }];
    });
    gb.destroy();
    return Object.fromEntries(found);
  });
}

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map(evaluated)));
