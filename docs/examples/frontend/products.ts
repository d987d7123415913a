import { type Api, type Product, dataOf, everyRow } from "./client.js";
import type { components, paths } from "./schema.js";

type Query = NonNullable<paths["/api/v1/products/"]["get"]["parameters"]["query"]>;
type NewProduct = components["schemas"]["ProductInputRequest"];
type Changes = components["schemas"]["PatchedProductInputRequest"];

/** All products that match, page by page. */
export function everyProduct(api: Api, query: Query = {}): AsyncGenerator<Product> {
  return everyRow(async (page) =>
    dataOf(await api.GET("/api/v1/products/", { params: { query: { ...query, ...page } } })),
  );
}

/** Creates a product once: after a lost connection call it again with the same `key`, such as a UUID. */
export async function createProduct(api: Api, product: NewProduct, key: string): Promise<Product> {
  return dataOf(
    await api.POST("/api/v1/products/", { params: { header: { "Idempotency-Key": key } }, body: product }),
  );
}

/** A product as a form shows it, and the version that it shows. */
export interface Seen {
  product: Product;
  etag: string;
}

export async function readProduct(api: Api, id: number): Promise<Seen> {
  const answer = await api.GET("/api/v1/products/{id}/", { params: { path: { id } } });
  return { product: dataOf(answer), etag: answer.response.headers.get("ETag") ?? "" };
}

/** Saves what the person has changed. Null if somebody else was faster: nothing is written; show theirs, ask again. */
export async function saveProduct(api: Api, seen: Seen, changes: Changes): Promise<Seen | null> {
  const answer = await api.PATCH("/api/v1/products/{id}/", {
    params: { path: { id: seen.product.id }, header: { "If-Match": seen.etag } },
    body: changes,
  });
  if (answer.response.status === 412) return null;
  return { product: dataOf(answer), etag: answer.response.headers.get("ETag") ?? "" };
}

/** Who has changed a field of the product, such as `name` or `variants[MUG-BLUE].price`; the newest change first. */
export async function* historyOf(api: Api, product: number, field: string) {
  const entries = everyRow(async (page) =>
    dataOf(await api.GET("/api/v1/products/{product}/history/", { params: { path: { product }, query: page } })),
  );
  for await (const { actor, door, occurred_at, changes } of entries) {
    for (const change of changes) {
      if (change.field === field) yield { actor, door, occurred_at, ...change };
    }
  }
}
