import { type Api, type Product, dataOf } from "./client.js";
import type { components, paths } from "./schema.js";

type Query = NonNullable<paths["/api/v1/products/"]["get"]["parameters"]["query"]>;
type Page = components["schemas"]["PaginatedProductList"];
type NewProduct = components["schemas"]["ProductInputRequest"];
type Changes = components["schemas"]["PatchedProductInputRequest"];

/** All products that match, page by page. */
export async function* everyProduct(api: Api, query: Query = {}): AsyncGenerator<Product> {
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: Page = dataOf(
      await api.GET("/api/v1/products/", { params: { query: { ...query, ...(cursor && { cursor }) } } }),
    );
    yield* page.results;
    cursor = page.next && new URL(page.next).searchParams.get("cursor");
  }
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
