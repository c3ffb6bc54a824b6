// Lists packages with the types that openapi-typescript generates.
//
// Usage: node list_packages.js URL_2015 URL_CURRENT TOKEN

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { paths as Paths2015 } from "./client_2015.js";
import type { paths as PathsCurrent } from "./client_current.js";

const [url2015, urlCurrent, token] = process.argv.slice(2);
assert(url2015 && urlCurrent && token);
const headers = { Authorization: `bearer ${token}` };

const current = createClient<PathsCurrent>({ baseUrl: urlCurrent, headers });
const query = { page: 2, per_page: 3, order_by: "-created_at" };
const { data: page } = await current.GET("/v3/packages", { params: { query } });
assert(page);
assert.equal(page.pagination.total_results, 300);
assert.equal(page.resources.length, 3);
for (const { guid } of page.resources) {
    const { data: found } = await current.GET("/v3/packages/{guid}", { params: { path: { guid } } });
    assert.equal(found?.guid, guid);
}
const { error } = await current.GET("/v3/packages", { params: { query: { page: 0 } } });
assert.match(error?.errors[0]?.detail ?? "", /Page must be a positive integer/);

const of2015 = createClient<Paths2015>({ baseUrl: url2015, headers });
const { data: old } = await of2015.GET("/v3/packages", { params: { query: { page: 2, per_page: 3 } } });
assert(old);
assert.equal(old.pagination.total_results, 300);
assert.deepEqual(old.resources.map(({ type }) => type === "bits" || type === "docker"), [true, true, true]);
